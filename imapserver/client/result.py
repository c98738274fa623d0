"""How an execution came out, and the errors of those that did not run, or were broken off."""

import re
from dataclasses import dataclass, field
from typing import Self

STATUS = re.compile(rb"[^ \r\n]+ (OK|NO|BAD)(?: \[([^\]\r\n]*)\])?(?: ([^\r\n]*))?\r?\n?", re.IGNORECASE)
VERB_LINE = re.compile(r"(\S+) \(([a-z-]+)\) ?(.*)")


@dataclass(frozen=True, slots=True)
class Status:
    """A tagged status response."""

    condition: str
    """OK, NO or BAD."""
    code: str
    """The response code, without its brackets: `EXIT 0`; empty where there is none."""
    text: str

    @classmethod
    def parse(cls, line: bytes) -> Self | None:
        match = STATUS.fullmatch(line)
        if match is None:
            return None
        condition, code, text = (part.decode("utf-8", "replace") for part in match.groups(b""))
        return cls(condition.upper(), code, text)

    @property
    def shown(self) -> str:
        return f"{self.condition} [{self.code}] {self.text}" if self.code else f"{self.condition} {self.text}"


@dataclass(frozen=True, slots=True)
class Result:
    """What an execution put out, and its end."""

    output: bytes
    """Its standard output; of a dialogue, what has not been read."""
    errors: bytes
    """Its standard error, where the map sends that."""
    end: Status

    @property
    def ok(self) -> bool:
        """It ended by itself, with status 0."""
        return self.end.condition == "OK"

    @property
    def status(self) -> int | None:
        """The exit status; None if it did not end by itself."""
        name, _, number = self.end.code.partition(" ")
        return int(number) if name == "EXIT" and number.isdecimal() else None

    @property
    def text(self) -> str:
        """The output as UTF-8 text."""
        return self.output.decode("utf-8", "replace")

    def check(self) -> Self:
        """Return itself if it is `ok`; else raise Failed."""
        if not self.ok:
            raise Failed(self)
        return self


class ExecuteError(Exception):
    """`result` has what the server said, and what output there was."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.end.shown)
        self.result = result

    @property
    def code(self) -> str:
        return self.result.end.code


class Failed(ExecuteError):
    """It ran, and did not end with status 0: EXIT n, SIGNAL n, CANCELED, TIMEOUT."""


class Refused(ExecuteError):
    """The server said no; but for OverLimit and the code CANNOT, nothing has run."""


class NotPermitted(Refused):
    """NOPERM: this user may not run the verb, or there is none of this name."""


class OverLimit(Refused):
    """LIMIT: too many at once, or too much input or output."""


class Unavailable(Refused):
    """UNAVAILABLE: what it needs can't be reached now."""


class Malformed(Refused):
    """BAD: the arguments are not the verb's; the text says what was expected."""


class Interactive(Refused):
    """execute() was called for a verb that is a dialogue. It has been canceled."""


class Overrun(Exception):
    """So much of a dialogue's output waited to be read that it was canceled."""


ENDS = frozenset({"EXIT", "SIGNAL", "CANCELED", "TIMEOUT"})
REFUSALS = {"NOPERM": NotPermitted, "LIMIT": OverLimit, "UNAVAILABLE": Unavailable, "EXECUTING": Interactive}


def refuse(result: Result) -> Result:
    """Return the result of what has run to its end; raise Refused for any other."""
    name = result.end.code.partition(" ")[0]
    if result.end.condition == "BAD":
        raise Malformed(result)
    if name in ENDS:
        return result
    raise REFUSALS.get(name, Refused)(result)


@dataclass(frozen=True, slots=True)
class Verb:
    """A line of the listing."""

    name: str
    mode: str = field(default="one-shot")
    usage: str = ""

    @property
    def interactive(self) -> bool:
        return self.mode == "interactive"


def listed(output: bytes) -> list[Verb]:
    """The verbs in what `EXECUTE` alone puts out."""
    matches = map(VERB_LINE.fullmatch, output.decode("utf-8", "replace").splitlines())
    return [Verb(*match.groups()) for match in matches if match]
