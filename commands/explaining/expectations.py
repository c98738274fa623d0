"""Expectations: who may run what and who may not, a sentence a line, as their file has them. Pure.

# the help desk
ann may run calendar add 2026-01-01
ann from 10.0.0.1 without tls at 2026-06-01 12:00 may not run calendar
group staff may not run passwd
"""

import ipaddress
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from commands.rulebook.canonical import YEARS

FORM = "[user|group|domain] NAME [from ADDRESS] [with tls|without tls] [in MAILBOX] [at DATE TIME] may [not] run VERB …"

_MAY = re.compile(r"\s+may\s+(?P<no>not\s+)?run\s+")


class Who(StrEnum):
    USER = "user"
    GROUP = "group"  # each of its members, and who will be one
    DOMAIN = "domain"  # each user of that mail domain, and who will be one
    EVERYONE = "everyone"  # each user, and who will be one


class ExpectationError(ValueError):
    """A line is no expectation. Its text says what was expected, and where a line is named, which."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """`may`: there is a way in which they may, else there is none. What is None is left open: any is meant.

    `arguments` are empty where none are given: then they are open too. `at` is naive: in the server's zone. `text` is
    the line, but for the arguments, any of which may be a secret.
    """

    line: int
    text: str
    may: bool
    who: Who
    name: str
    verb: str
    arguments: tuple[str, ...] = field(default=(), repr=False)
    address: str | None = None
    tls: bool | None = None
    mailbox: str | None = None
    at: datetime | None = None


def parse(text: str) -> Iterator[Expectation | ExpectationError]:
    """Each expectation of a file, and an error for each line that is none."""
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = line.strip()
            if words and not words.startswith("#"):
                yield parse_line(words, number)
        except ExpectationError as error:
            yield ExpectationError(f"{number}: {error}")


def parse_line(text: str, number: int = 1) -> Expectation:
    """The expectation that a line is. Words are split and quoted as in a shell. Raises ExpectationError."""
    if not text.replace("\t", " ").isprintable():
        raise ExpectationError("expected characters that can be seen")
    found = _MAY.search(text)
    if found is None:
        raise ExpectationError(f"expected: {FORM}")
    verb, *arguments = _split(text[found.end() :]) or [""]
    if not verb:
        raise ExpectationError("expected a verb after 'run'")
    words = _split(text[: found.start()])
    who, name = _take_subject(words)
    return Expectation(
        line=number,
        text=f"{text[: found.end()].rstrip()} {verb}",
        may=found["no"] is None,
        who=who,
        name=name,
        verb=verb.lower(),
        arguments=tuple(arguments),
        **_clauses(words),
    )


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError as error:
        raise ExpectationError(f"quotes that don't match: {error}") from None


def _take_subject(words: list[str]) -> tuple[Who, str]:
    """Take the first words off. A user whose name is one of ours is written `user everyone`."""
    if not words or not words[0]:
        raise ExpectationError("expected a user, a group, a domain or everyone before 'may'")
    first = words.pop(0)
    if first == Who.EVERYONE:
        return Who.EVERYONE, ""
    if first not in list(Who):
        return Who.USER, first
    name = _next(words, f"a name after '{first}'")
    return Who(first), name.lower() if first == Who.DOMAIN else name


class _Clauses(TypedDict, total=False):
    address: str
    tls: bool
    mailbox: str
    at: datetime


def _clauses(words: list[str]) -> _Clauses:
    """What stands between the subject and `may`, in any order, each at most once."""
    clauses: _Clauses = {}
    while words:
        count = len(clauses)
        match words.pop(0):
            case "from":
                clauses["address"] = _address(_next(words, "an address after 'from'"))
            case "with" | "without" as word:
                if _next(words, f"'tls' after '{word}'").lower() != "tls":
                    raise ExpectationError(f"expected 'tls' after '{word}'")
                clauses["tls"] = word == "with"
            case "in":
                clauses["mailbox"] = _next(words, "a mailbox after 'in'")
            case "at":
                clauses["at"] = _time(_next(words, "a date after 'at'"), _next(words, "a time after the date"))
            case word:
                raise ExpectationError(f"'{word}' is none of: from, with tls, without tls, in, at")
        if len(clauses) == count:
            raise ExpectationError("the same is said twice")
    return clauses


def _next(words: list[str], expected: str) -> str:
    if not words or not words[0]:
        raise ExpectationError(f"expected {expected}")
    return words.pop(0)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ExpectationError(f"'{text}' is no address: 192.0.2.7 or 2001:db8::7 would be one") from None


def _time(date: str, time: str) -> datetime:
    try:
        at = datetime.strptime(f"{date} {time}", "%Y-%m-%d %H:%M")
        if at.year in YEARS:
            return at
    except ValueError:
        pass
    raise ExpectationError(f"'{date} {time}' is no time: 2026-06-01 12:00 would be one")
