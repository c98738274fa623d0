"""What `runimap --trace` writes: each frame with its time, its connection or execution, its direction and its tag.

Passwords and the arguments of verbs, any of which may be secret, are never shown; what is in literals, and what
executables read and write, by its size alone unless it is asked for.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TextIO

from commands.audit import printable
from commands.audit_text import visible
from imapserver.wire import events
from imapserver.wire.syntax import Fragment

LINE = 400
"""Characters of one line that are shown."""

SHOWN = frozenset({b"CAPABILITY", b"NOOP", b"LOGOUT", b"STARTTLS", b"ID", b"CANCEL"})
LOGINS = frozenset({b"LOGIN", b"AUTHENTICATE"})
FED = re.compile(rb' (?:"[^"\\]*"|[^ "{]+)')
FORM_AND_VERB = re.compile(rb'(?: "?\([A-Za-z]+\)"?)? [A-Za-z0-9._-]+(?= |$)')
LITERAL = re.compile(rb"\{(\d+)\}\Z")
HIDDEN = b" \xe2\x80\xa6"


class Trace:
    def __init__(self, stream: TextIO, *, contents: bool) -> None:
        self._stream = stream
        self.contents = contents

    def write(self, who: str, direction: str, text: bytes | str) -> None:
        if isinstance(text, bytes):
            text = text.decode("utf-8", "surrogateescape")
        # Backslashes as they are: each flag has one, and this is for reading.
        shown = visible(text[:LINE]).replace("\\\\", "\\") + ("…" if len(text) > LINE else "")
        self._stream.write(f"{datetime.now():%H:%M:%S.%f} {who} {direction} {shown}\n")
        self._stream.flush()

    def write_octets(self, who: str, direction: str, tag: bytes, data: bytes) -> None:
        """Octets that are no line: their number and, if it is asked for, themselves."""
        self.write(who, direction, b"%b(%d octets)" % (tag + b" " * bool(tag), len(data)))
        if self.contents:
            for line in data.removesuffix(b"\n").split(b"\n"):
                self.write(who, direction, b"| " + line.removesuffix(b"\r"))


class Responses:
    """Cuts what goes to a client into lines and the octets of literals."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._left = 0
        """Octets that the literal still has."""
        self._after_literal = False

    def cut(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Each line that is complete, and octets of a literal as they come (True)."""
        while data:
            if self._left:
                octets, data = data[: self._left], data[self._left :]
                self._left -= len(octets)
                yield octets, True
                continue
            text, end, data = data.partition(b"\n")
            self._line += text
            if end:
                yield self._take_line(), False

    def _take_line(self) -> bytes:
        line = bytes(self._line).removesuffix(b"\r")
        self._line.clear()
        # A line under a tag ends where it ends: a program may have written "{3}".
        untagged = line.startswith(b"* ") or self._after_literal
        announced = LITERAL.search(line) if untagged else None
        self._left = int(announced[1]) if announced else 0
        self._after_literal = announced is not None
        return line


def describe(event: events.Event, *, logged_in: bool) -> bytes | None:
    """The line for what a client has sent; None for what has its size alone, or is seen in its answer."""
    match event:
        case events.CommandReceived():
            return event.tag + b" " + event.name + _arguments(event)
        case events.RelayStarted(name=name) if name in LOGINS:  # the state table lets none through
            return event.tag + b" " + name + HIDDEN
        case events.RelayStarted():
            return event.data.removesuffix(b"\r\n")
        case events.RelayContinued(literal=False):
            return event.data.removesuffix(b"\r\n")
        case events.DialogueLine():
            return event.tag + b" " + event.line
        case events.ContinuationLine():
            return event.line if logged_in else HIDDEN.lstrip()
        case events.CommandRefused():
            return b"%b (refused: %b)" % (event.tag or b"*", event.text.encode())
        case _:
            return None


def _arguments(command: events.CommandReceived) -> bytes:
    text = command.fragments[0] if command.fragments and isinstance(command.fragments[0], bytes) else b""
    if command.name in SHOWN:
        return text + _sizes(command.fragments[1:])
    if command.name in LOGINS:
        return HIDDEN
    head = (FED if command.name == b"FEED" else FORM_AND_VERB).match(text)
    shown = head[0] if head else b""
    if command.offered is not None:
        return shown + HIDDEN + b" {%d}" % command.offered
    if command.name == b"FEED":
        return shown + (_sizes(command.fragments[1:]) or HIDDEN)
    return shown + HIDDEN * (text != shown or len(command.fragments) > 1)


def _sizes(fragments: Sequence[Fragment]) -> bytes:
    return b"".join(b" {%d}" % len(each.data) for each in fragments if not isinstance(each, bytes))


def shown_argv(argv: Sequence[bytes]) -> str:
    return " ".join(map(printable, argv))
