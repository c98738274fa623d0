"""manage.py exportaudit: the audit log as JSON Lines or CSV."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from commands import audit
from commands.audit import StoreUnavailable
from commands.exporting import FORMATS, event_rows, export_lines
from commands.models import AuditEvent
from commands.moment import moment
from commands.outcome import Outcome
from commands.system_user import system_user
from commands.transcript.viewing import record_view

PROGRESS = 100_000
FILTERS = {"since": "at__gte", "until": "at__lt", "user": "actor", "verb": "verb", "outcome": "outcome", "kind": "kind"}


class Command(BaseCommand):
    help = (
        "Write the audit log to standard output or a file, the oldest event first, in constant memory. Raw arguments "
        "are base64; controls are made visible; in CSV a ' stands before what a spreadsheet would take for a formula. "
        "That it was exported is recorded first, in the name of the system's user."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=sorted(FORMATS), default="jsonl")
        parser.add_argument(
            "--since", type=moment, metavar="TIME", help="From then on: 2026-01-31 or 2026-01-31T12:00."
        )
        parser.add_argument("--until", type=moment, metavar="TIME", help="Before then.")
        parser.add_argument("--user", metavar="NAME")
        parser.add_argument("--verb", metavar="VERB")
        parser.add_argument("--outcome", choices=[outcome.value for outcome in Outcome], metavar="OUTCOME")
        parser.add_argument("--kind", choices=AuditEvent.Kind.values)
        parser.add_argument("-o", "--output", metavar="FILE", help="Not to standard output; the file must be new.")

    def handle(self, *args: Any, **options: Any) -> None:
        given = {name: options[name] for name in FILTERS if options[name] is not None}
        try:
            record_view(_how(options["format"], given), door="terminal", actor=f"{system_user()} (manage.py)")
        except StoreUnavailable as error:
            raise CommandError(f"That it is exported can't be recorded, so it is not: {error}") from None
        finally:
            audit.writer.stop()
        events = AuditEvent.objects.filter(**{FILTERS[name]: value for name, value in given.items()})
        try:
            with _open(options["output"]) as file:
                self._write(events, options["format"], file)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more at its end
        except OSError as error:
            raise CommandError(f"{options['output'] or 'standard output'}: {error.strerror}") from None

    def _write(self, events: QuerySet[AuditEvent], form: str, file: TextIO) -> None:
        total = 0

        def progress(count: int) -> None:
            nonlocal total
            if count // PROGRESS > total // PROGRESS:
                self.stderr.write(f"{count} events", str)
            total = count

        file.writelines(export_lines(event_rows(events, progress), form))
        file.flush()
        self.stderr.write(f"{total} {'event' if total == 1 else 'events'} exported.", str)


def _how(form: str, given: dict[str, Any]) -> str:
    told = ", ".join(f"{name} {value}" for name, value in given.items())
    return f"audit log: {form}" + (f", {told}" if told else "")


@contextmanager
def _open(name: str | None) -> Iterator[TextIO]:
    if name is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield sys.stdout
        return
    with Path(name).open("x", encoding="utf-8", newline="") as file:
        yield file
