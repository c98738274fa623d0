"""manage.py roles: the groups of those who work on the web pages."""

from typing import Any

from django.core.management.base import BaseCommand

from commands import roles


class Command(BaseCommand):
    help = (
        "Make the groups that hold the permissions of those who work on the web pages, or set them back to what they "
        "are to be: "
        + "; ".join(f"{role.name} {role.text}" for role in roles.ROLES)
        + ". Put users into them on their pages, with 'staff status'. Members are kept."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        roles.make()
        width = max(len(role.name) for role in roles.ROLES)
        for role in roles.ROLES:
            self.stdout.write(f"{role.name:<{width}}  {role.text}")
