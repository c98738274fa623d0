"""What a user may not say to an SMTP server that was told by XCLIENT who the user is.

The server lets this connection send XCLIENT, and goes on to do so when it has been sent (Postfix: "XCLIENT must not
override its own access control"): a second one, with another LOGIN, would be believed too.
"""

import re

# STARTTLS: what comes after it could not be read here. BDAT: behind its octets a command needs no new line.
FORBIDDEN = re.compile(rb"(?:XCLIENT|XFORWARD|STARTTLS|BDAT)[^0-9A-Z]", re.IGNORECASE)

# Servers drop these around a word, or may.
DROPPED = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f-\xff\"'<>()\[\]\\]")

KEPT = 64
"""Octets of a line that are looked at, when all that is dropped is gone."""


class SmtpGuard:
    """Sees all that a user sends, in pieces of any size.

    A line of a message counts like a command: after a DATA that the server refuses the next line is one, and whether it
    will be refused is not known here. Such a line, in a message, has to be sent quoted-printable.
    """

    def __init__(self) -> None:
        self._start = b""

    def permits(self, data: bytes | memoryview) -> bool:
        """False: `data` completes the start of a line that the server must not get; nothing more may be sent."""
        lines = bytes(data).split(b"\n")
        lines[0] = self._start + lines[0]
        self._start = _start(lines[-1])
        starts = [_start(line) + b"\n" for line in lines[:-1]]
        return not any(map(FORBIDDEN.match, [*starts, self._start]))


def _start(line: bytes) -> bytes:
    return DROPPED.sub(b"", line).lstrip()[:KEPT]
