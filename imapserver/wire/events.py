"""What `ServerProtocol` makes of a client's bytes. Octets are as they came; names are in capitals."""

from dataclasses import dataclass, field
from typing import NamedTuple

from imapserver.wire.syntax import Fragment


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """A whole command that IMAPX serves. The caller answers it before it takes the next event."""

    tag: bytes
    name: bytes
    fragments: tuple[Fragment, ...] = field(repr=False)  # a password may be in it
    """What stands behind the name: text, literal, text, …; the first text starts with a space or is empty."""
    offered: int | None = None
    """Octets of a last literal too large for an argument, which is on its way: it comes as `InputOctets` if the caller
    takes it (`take_input`), and is dropped if not (`refuse_input`). No other event comes before one of the two."""


class RelayStarted(NamedTuple):  # made for nearly every command; a frozen dataclass takes twice as long
    """The first line of a command of the engine's. The caller passes `data` on."""

    tag: bytes
    name: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class RelayContinued:
    """More octets of the command that `RelayStarted` began, or the line that ends its IDLE. Pass them on."""

    data: bytes
    literal: bool = False


class DialogueLine(NamedTuple):  # as with RelayStarted
    """One line under the tag of a running execution, verbatim and without CRLF."""

    tag: bytes
    line: bytes


@dataclass(frozen=True, slots=True)
class InputOctets:
    """Octets of the literal that the caller has taken, as they come; none: that was all, and the command is whole."""

    tag: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class ContinuationLine:
    """The line that `expect_continuation()` asked for."""

    line: bytes = field(repr=False)  # a password may be in it


@dataclass(frozen=True, slots=True)
class LiteralWanted:
    """A command that IMAPX serves waits with a synchronizing literal. The caller sends `+`."""


@dataclass(frozen=True, slots=True)
class CommandRefused:
    """A command that can't be served. The caller answers BAD, under the tag if there is a valid one."""

    tag: bytes | None
    text: str
    fatal: bool = False
    """The next command can't be found: the caller sends BYE too and closes."""
    name: bytes = b""
    """In capitals, of a command that IMAPX serves; empty: it is not known to be one."""
    text_read: bytes = field(default=b"", repr=False)  # a password may be in it
    """What stands behind such a name in its first line."""


Event = (
    CommandReceived
    | RelayStarted
    | RelayContinued
    | DialogueLine
    | InputOctets
    | ContinuationLine
    | LiteralWanted
    | CommandRefused
)
