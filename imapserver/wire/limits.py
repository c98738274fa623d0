"""How much a client may send before it is understood. Sources: SECURITY defaults beside Dovecot's and nginx's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    line: int
    """Octets of one line without its CRLF; of a command that is served here, those of all its lines together."""
    literals: int
    """Octets of all literals of one command that is served here, not relayed."""
    literal_count: int = 32
    """Literals of one command that is served here: 16 arguments and some room."""


NOT_AUTHENTICATED = Limits(line=8 * 1024, literals=8 * 1024)
"""Dovecot 8,192; nginx 4 to 8 KiB. Nobody needs more to log in."""

AUTHENTICATED = Limits(line=64 * 1024, literals=16 * 1024)
"""Dovecot's line limit, so that no mail command that it takes is refused here."""

ARGUMENT = 1024
"""Octets of a literal that may be an argument of EXECUTE. A larger one can only be input, and is not collected."""

FEED = 64 * 1024
"""Octets of one FEED, which is collected whole: as much as a literal of output has."""

DROPPED = 64 * 1024 * 1024
"""Octets of a literal that nobody wants but that the client sends without being asked, before the connection is closed.
Mail servers take messages of about that size."""

RELAYED_LITERALS = 10_000
"""Literals of one relayed command: a MULTIAPPEND of a whole mailbox passes, a flood of tiny ones ends."""

LITERAL_SIZE = 2**32 - 1
"""RFC 3501 section 9: number is a non-zero unsigned 32-bit integer."""

TAG = 128
