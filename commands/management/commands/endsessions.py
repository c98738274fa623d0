"""manage.py endsessions: log a user out of the web pages everywhere."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from commands import audit
from commands.audit_text import visible
from commands.models import AuditEvent
from commands.system_user import system_user
from commands.web.sessions import end_all


class Command(BaseCommand):
    help = (
        "Log a user out of the web pages, in each browser; open live pages close within seconds. The user may log in "
        "again: to prevent that, make the user inactive. Mail connections and what runs are not touched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {visible(options['user'])}.")
        try:
            audit.record_now(
                kind=AuditEvent.Kind.CHANGE,
                outcome="deleted",
                reason=f"web sessions of {user.get_username()} ended",
                actor=f"{system_user()} (manage.py endsessions)",
                door="terminal",
            )
        except audit.StoreUnavailable as error:
            raise CommandError("Not done: it can't be recorded now.") from error
        finally:
            audit.writer.stop()
        count = end_all(user)
        self.stdout.write(f"{visible(user.get_username())}: {count} session{'s' * (count != 1)} ended.")
