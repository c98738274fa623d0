"""Framing: where a line ends, and whether a literal follows it. Frame first, parse second.

A command that is refused must never shift the start of the next one, so what stands here decides nothing
about meaning: it cuts, under limits, and refuses what could be cut in two ways.
"""

import re
from dataclasses import dataclass

from imapserver.wire.exceptions import BadSyntax, Violation
from imapserver.wire.limits import LITERAL_SIZE

# Numbers: Python finds one in bytes four times as fast as it finds bytes of length one.
CR, LF, NUL, QUOTE, BRACE = b'\r\n\0"{'

# A line of a command: quoted strings closed, and `{` outside of them only in a literal's announcement at the end.
# Possessive quantifiers keep it linear.
COMMAND_LINE = re.compile(
    rb"(?:[^\"{]++|\"(?:[^\"\\]++|\\[\"\\])*+\")*+(?P<announcement>\{(?P<size>[0-9]{1,10})(?P<plus>\+?)\})?"
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """`{n}`, `{n+}` or `~{n}` at the end of a line: n octets follow it (RFC 3501, RFC 7888, RFC 6855)."""

    size: int
    synchronizing: bool
    binary: bool


class Lines:
    """What has come and is not cut yet.

    A line ends in CRLF and nothing else. A CR or LF alone, taken for an end by one peer and for text by
    the other, is how a command is smuggled past a relay, so it is refused.
    """

    def __init__(self) -> None:
        self.buffer = bytearray()
        """To look at only."""
        self._scanned = 0

    def __len__(self) -> int:
        return len(self.buffer)

    def feed(self, data: bytes) -> None:
        self.buffer += data

    def take_line(self, limit: int) -> bytes | None:
        """Return the next line without its CRLF, None if it has not all come. Raises Violation over `limit`."""
        end = self.buffer.find(b"\n", self._scanned)
        # The same verdict for the same octets, however they are cut: the limit first, then the LF.
        if (end if end >= 0 else len(self.buffer)) > limit + 1:
            raise Violation("line too long")
        if end < 0:
            self._scanned = len(self.buffer)
            return None
        if not self.buffer.endswith(b"\r", 0, end):
            raise Violation("a line must end in CRLF")
        line = bytes(self.buffer[: end - 1])
        del self.buffer[: end + 1]
        self._scanned = 0
        return line

    def take_octets(self, most: int) -> bytes:
        """Return up to `most` octets, as they are."""
        data = bytes(self.buffer[:most])
        del self.buffer[:most]
        self._scanned = 0
        return data


def check_octets(line: bytes) -> None:
    """Raise BadSyntax for what RFC 3501 allows nowhere in a line: CR, LF, NUL."""
    if CR in line or LF in line or NUL in line:
        raise BadSyntax("CR, LF or NUL inside a line")


def announcement(line: bytes) -> Announcement | None:
    """Check that `line` can be cut in one way only, and return the literal that it announces.

    Raises BadSyntax for a CR, LF or NUL in it, for a quoted string that is not closed, and for a brace
    that announces nothing; Violation if octets that were not asked for follow such a line.
    """
    try:
        return _announcement(line)
    except BadSyntax as error:
        if line.endswith(b"+}"):
            # A literal is on its way, of nobody knows what size: a command inside it must not be taken for one.
            raise Violation(str(error)) from error
        raise


def _announcement(line: bytes) -> Announcement | None:
    check_octets(line)
    if QUOTE not in line and BRACE not in line:
        return None
    match = COMMAND_LINE.fullmatch(line)
    if match is None:
        raise BadSyntax("a quoted string or a literal is malformed")
    if match["announcement"] is None:
        return None
    size = int(match["size"])
    if size > LITERAL_SIZE or (match["size"].startswith(b"0") and len(match["size"]) > 1):
        raise BadSyntax("a literal's size is malformed")
    start = match.start("announcement")
    binary = line[start - 1 : start] == b"~"
    # An announcement is a token of its own: `a{5}` is none, and what a peer makes of it can't be known.
    before = line[start - binary - 1 : start - binary]
    if before not in (b" ", b"("):
        raise BadSyntax("a literal is malformed")
    return Announcement(size, synchronizing=not match["plus"], binary=binary)
