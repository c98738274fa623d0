"""`manage.py expect`: who may run what and who may not, as files say it must be; for CI."""

import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commands.explaining.expectations import Expectation, ExpectationError, parse
from commands.explaining.expecting import Checker
from commands.explaining.explain_text import readable
from commands.mapfile.load import MapFileError, draft


class Command(BaseCommand):
    help = (
        "Check that the sentences of FILEs are true: 'ann may run calendar add 2026-01-01', 'group staff may not run "
        "passwd'. What a sentence does not say is open: 'may' is true if there is a way, 'may not' if there is none. "
        "Exit status: 0 all are true, 1 not all, 2 a line is no such sentence, or the draft no map."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", metavar="FILE", nargs="+")
        parser.add_argument(
            "--map",
            metavar="DRAFT",
            help=(
                "Of the map in this file, as if it had been loaded. Until all are checked nobody else changes the map; "
                "with SQLite nothing runs."
            ),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        files = _read_all(options["files"])
        if options["map"] is None:
            failures = _failures(files)
        else:
            try:
                with draft(_read(options["map"])):
                    failures = _failures(files)
            except MapFileError as error:
                raise CommandError(f"{options['map']} is no map:\n{error}", returncode=2) from error
        for failure in failures:
            self.stdout.write(failure)
        count = sum(map(len, files.values()))
        self.stdout.write(f"{count - len(failures)} of {count} are as expected.")
        if failures:
            sys.exit(1)


def _read_all(names: Sequence[str]) -> Mapping[str, list[Expectation]]:
    """By file. Raises CommandError with all lines that are none."""
    files: dict[str, list[Expectation]] = {}
    errors: list[str] = []
    for name in names:
        files[name] = []
        for each in parse(_text(name)):
            if isinstance(each, ExpectationError):
                errors.append(readable(f"{name}:{each}"))
            else:
                files[name].append(each)
    if errors:
        raise CommandError("\n".join(errors), returncode=2)
    return files


def _text(name: str) -> str:
    try:
        return _read(name).decode()
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is not UTF-8, at byte {error.start}.", returncode=2) from error


def _failures(files: Mapping[str, list[Expectation]]) -> list[str]:
    checker = Checker()
    found = [(name, checker.check(each)) for name, expectations in files.items() for each in expectations]
    return [
        readable(f"{name}:{failure.line}: expected: {failure.expected}; but {failure.found}")
        for name, failure in found
        if failure is not None
    ]


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} can't be read: {error.strerror}", returncode=2) from error
