"""The file's ways in and out: dump it, check it, see what it would change, load it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from commands.mapfile.apply import Application
from commands.mapfile.difference import Change
from commands.mapfile.entries import read_contents
from commands.mapfile.from_toml import parse
from commands.mapfile.problems import MapFileError, Problem
from commands.mapfile.to_toml import to_toml

__all__ = ["Change", "MapFileError", "apply_text", "check", "difference", "draft", "dump", "load"]


def dump() -> str:
    """The map and its rules as they are now."""
    with transaction.atomic():
        return to_toml(read_contents())


def check(text: str | bytes) -> list[Problem]:
    """All that keeps the file from being loaded; what is as it was is validated too. Nothing is changed."""
    try:
        with draft(text, check_all=True):
            return []
    except MapFileError as error:
        return error.problems


def difference(text: str | bytes) -> list[Change]:
    """What loading the file would change; nothing is changed. MapFileError: it can't be loaded."""
    with draft(text) as changes:
        return changes


def load(text: str | bytes, reason: str = "") -> list[Change]:
    """Make map and rules as the file says, all of it or nothing. MapFileError: nothing was changed."""
    with transaction.atomic():
        return apply_text(text, reason)


@contextmanager
def draft(text: str | bytes, *, check_all: bool = False) -> Iterator[list[Change]]:
    """Inside of it the database is as the file says, after it as it was. Keep it short: nobody changes the map then."""
    with transaction.atomic():
        changes = apply_text(text, check_all=check_all)
        try:
            yield changes
        finally:
            transaction.set_rollback(True)


def apply_text(text: str | bytes, reason: str = "", *, check_all: bool = False) -> list[Change]:
    """As `load`, inside of the caller's transaction, which must be rolled back at a MapFileError."""
    places, contents, problems = parse(text)
    application = Application(places, contents, reason, check_all=check_all)
    changes = application.run()
    # What the reader refused it has left out, and that this is missing need not be said too.
    places_said = {problem.where for problem in problems}
    problems += [problem for problem in application.problems if problem.where not in places_said]
    if problems:
        raise MapFileError(problems)
    return changes
