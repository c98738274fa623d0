"""manage.py auditkey: the state of the audit keys of this machine, and a new one."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commands.evidence.head import directory
from commands.evidence.keyfile import BadKeyFile, kept_key, make_anew, roots


class Command(BaseCommand):
    help = (
        "Show the key that seals the audit record on this machine, and which verification keys are still here. "
        "With --new, make a new key: running servers take it within an hour, and begin new chains."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--new", action="store_true", help="Make a new key; the ones of before still verify.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = make_anew(directory()) if options["new"] else kept_key(directory())
        except (OSError, BadKeyFile) as error:
            raise CommandError(f"The audit key can't be used: {error}. With --new a new one is made.") from error
        if key is None:
            self.stdout.write("There is no audit key yet: the first event makes it.")
            return
        since = datetime.fromtimestamp(key.started, UTC)
        self.stdout.write(f"Sealing key {key.name}, since {since:%Y-%m-%d %H:%M:%S} UTC, epoch {key.epoch}")
        for path in roots(directory()):
            self.stdout.write(f"Verification key, to be moved off this machine: {path}")
