"""`manage.py map`: the map and its rules as one file: dump, check, diff, load, and what a draft would have decided."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commands.audit_text import visible
from commands.changes import by_command
from commands.explaining import shadow
from commands.mapfile.load import Change, MapFileError, check, difference, dump, load
from commands.mapfile.programs import unsafe_programs

TROUBLE = 2  # as diff(1): 1 is for "there is a difference"


class Command(BaseCommand):
    help = (
        "The map of verbs and its rules as one TOML file, to be kept under version control. FILE may be - for standard "
        "input. Exit status of diff and shadow: 0 no difference, 1 a difference, 2 trouble."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        dump = actions.add_parser("dump", help="write what the database holds")
        dump.add_argument("-o", "--output", metavar="FILE", help="to this file, instead of standard output")
        for name, text in (
            ("check", "say all that keeps a file from being loaded"),
            ("diff", "say what loading a file would change"),
            ("load", "make map and rules as the file says, all of it or nothing; what is not in it goes"),
            ("shadow", "decide recorded attempts again, by the file, and say which would come out otherwise"),
        ):
            action = actions.add_parser(name, help=text)
            action.add_argument("file", metavar="FILE")
            if name == "load":
                action.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
                action.add_argument("--reason", default="", help="for the history and the audit record")
            if name == "shadow":
                action.add_argument("--days", type=_days, default=30, help="of the record, back from now (30)")
                action.add_argument("--user", default="", help="attempts of this user alone")
                action.add_argument("--verb", default="", help="attempts to run this verb alone")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except MapFileError as error:
            text = "\n".join(map(visible, map(str, error.problems)))
            raise CommandError(f"{options['file']} can't be loaded:\n{text}", returncode=TROUBLE) from None

    def _dump(self, options: dict[str, Any]) -> None:
        if options["output"] is None:
            self.stdout.write(dump(), ending="")
            return
        try:
            Path(options["output"]).write_text(dump(), encoding="utf-8", newline="")
        except OSError as error:
            raise CommandError(f"{options['output']} can't be written: {error.strerror}.", returncode=TROUBLE) from None

    def _check(self, options: dict[str, Any]) -> None:
        text = _read(options["file"])
        if problems := check(text):
            raise MapFileError(problems)
        self._warn(text)
        self.stdout.write("It can be loaded.")

    def _diff(self, options: dict[str, Any]) -> None:
        if self._show(difference(_read(options["file"]))):
            sys.exit(1)

    def _load(self, options: dict[str, Any]) -> None:
        text = _read(options["file"])
        if options["dry_run"]:
            changed = self._show(difference(text))
            self._warn(text)
            self.stdout.write("Nothing was changed: it was a dry run." if changed else "It would change nothing.")
            return
        with by_command("map load"):
            changed = self._show(load(text, options["reason"]))
        self._warn(text)
        self.stdout.write("Loaded." if changed else "Nothing to change: the database is as the file says.")

    def _shadow(self, options: dict[str, Any]) -> None:
        days = options["days"]
        run = shadow.prepare(_read(options["file"]), days=days, username=options["user"], verb=options["verb"])
        for done in run.decide():
            self.stderr.write(f"{done} attempts decided again…")
        for line in run.report():
            self.stdout.write(line)
        if run.differing:
            sys.exit(1)

    def _warn(self, text: bytes) -> None:
        for problem in unsafe_programs(text):
            self.stderr.write(visible(f"warning: {problem} It would not be started on this machine."))

    def _show(self, changes: Iterable[Change]) -> bool:
        changed = False
        for change in changes:
            changed = True
            for line in change.lines():
                self.stdout.write(visible(line))
        return changed


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} can't be read: {error.strerror}.", returncode=TROUBLE) from None


def _days(text: str) -> float:
    days = float(text)
    if not 0 < days <= 36500:
        raise ValueError
    return days
