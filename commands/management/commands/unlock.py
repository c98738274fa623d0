"""manage.py unlock: lift locks."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from commands import audit
from commands.audit_text import visible
from commands.changes import by_command
from commands.management.commands.lock import add_targets, target_of
from commands.models import Lock


class Command(BaseCommand):
    help = "Lift a lock by its number (manage.py lock lists them), or all on a user, a verb, a network, everything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID", type=int, nargs="?")
        add_targets(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            target = target_of(options)
            if (target is None) == (options["id"] is None):
                raise CommandError("Say which: a lock's number, or one of --user, --verb, --network, --everything.")
            lifted = Lock.objects.filter(pk=options["id"]) if target is None else target.locks
            rows = list(lifted.select_related("user", "verb"))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        if not rows:
            raise CommandError(f"There is no lock {options['id']}." if target is None else f"No lock is on {target}.")
        try:
            for lock in rows:
                self._lift(lock)
        finally:
            audit.writer.stop()

    def _lift(self, lock: Lock) -> None:
        number, text = lock.pk, visible(str(lock))
        with by_command("unlock"):
            lock.delete()
        self.stdout.write(f"Lifted lock {number}: {text}.")
