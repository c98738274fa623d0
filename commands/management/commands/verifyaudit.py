"""manage.py verifyaudit: whether the audit record is as it was written."""

import sys
import uuid
from argparse import ArgumentParser
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as StoreError

from commands.evidence import verification
from commands.evidence.anchors import anchors_file, read
from commands.evidence.head import directory
from commands.evidence.keyfile import BadKeyFile, Key, read_root, roots
from commands.evidence.verify import Report, Unreadable, Verifier
from commands.system_user import system_user


class Command(BaseCommand):
    help = (
        "Verify the audit record: each event's seal, that none is missing, doubled or out of its place, that each "
        "chain goes as far as was anchored, and that transcripts are what was recorded. Of each chain the first bad "
        "sequence number is named. The exit status is 0 if all is well, 1 if not."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--key",
            metavar="FILE",
            type=Path,
            action="append",
            help="A verification key; may be given several times. Without it those are taken that are still in the "
            "data directory.",
        )
        parser.add_argument(
            "--anchors",
            metavar="FILE",
            type=Path,
            action="append",
            help="Where the anchors are: the server's file, or a syslog that has them; may be given several times.",
        )
        parser.add_argument("--chain", metavar="ID", type=uuid.UUID, help="Verify this chain alone.")
        parser.add_argument(
            "--tolerance",
            metavar="HOURS",
            type=int,
            default=2,
            help="How many hours a key may be ahead of an event's time (%(default)s): more, where the clock was set "
            "back by so much.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        anchors = options["anchors"] or [anchors_file()]
        if not options["anchors"] and not anchors[0].exists():
            self.stderr.write(f"There is no {anchors[0]}: whether a chain's end was cut off can't be told.")
            anchors = []
        try:
            newest = verification.Newest()
            found = newest.of(chain.from_iterable(map(read, anchors)))
            report = Verifier(_keys(options["key"]), found, options["chain"], options["tolerance"], _tell).run()
        except OSError as error:
            raise CommandError(f"The anchors can't be read: {error}") from error
        except Unreadable as error:
            self._note(0, 1, None)
            raise CommandError(f"Edited, or inserted: the record can't be read {error}") from error
        for finding in report.findings:
            self.stdout.write(str(finding))
        self.stdout.write(_summary(report))
        if options["chain"] is None:
            self._note(report.events, len(report.findings), newest.at)
        if report.findings:
            sys.exit(1)

    def _note(self, events: int, faults: int, anchored_until: datetime | None) -> None:
        try:
            verification.note(events, faults, anchored_until, f"{system_user()} (manage.py)")
        except StoreError as error:  # whoever verifies may have no right to write anything
            self.stderr.write(f"The overview of the web will not tell of this: {error}")


def _tell(events: int) -> None:
    print(f"{events:,} events …", file=sys.stderr)  # noqa: T201


def _keys(given: list[Path] | None) -> list[Key]:
    files = given if given is not None else roots(directory())
    if not files:
        raise CommandError(f"There is no verification key in {directory()}: give --key FILE.")
    try:
        return [read_root(file) for file in files]
    except (OSError, BadKeyFile) as error:
        raise CommandError(f"The verification key can't be read: {error}") from error


def _summary(report: Report) -> str:
    what = f"{report.events:,} events in {report.chains:,} chains, {report.transcripts:,} transcripts"
    count = len(report.findings)
    verdict = "all is well" if not count else "1 fault" if count == 1 else f"{count} faults"
    return f"{what}: {verdict}"
