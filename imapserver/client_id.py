"""What a client calls itself by ID (RFC 2971), for the record."""

from collections.abc import Sequence

from imapserver.wire.exceptions import BadSyntax
from imapserver.wire.syntax import Fragment, Scanner

LENGTH = 400
"""Of the record's column."""

NAMING = (b"name", b"version")

PAIRS = 30
"""RFC 2971 section 3.3. It is read at each EXECUTE, so that thousands would hold up everybody's."""


def client_id(fragments: Sequence[Fragment]) -> str:
    """`Thunderbird 128.5.0`: name and version of what stands behind the command's name, cut.

    Bytes that are no UTF-8 are surrogates (PEP 383), as in all text that the record makes visible. Empty if it says
    neither or can't be read: ID is answered whatever is in it, so nothing is refused here."""
    try:
        given = _pairs(fragments)
    except BadSyntax:
        return ""
    return " ".join(given[key].decode("utf-8", "surrogateescape") for key in NAMING if given.get(key))[:LENGTH]


def client_id_of_line(line: bytes) -> str:
    """As `client_id`, of a whole command in one line. Of one that goes on in a literal: empty."""
    _, _, text = line.removesuffix(b"\r\n").partition(b" ")
    return client_id((text[len(b"ID") :],))


def _pairs(fragments: Sequence[Fragment]) -> dict[bytes, bytes]:
    """id_params_list = "(" *(string SP nstring) ")" / nil."""
    first, last = (fragments[0], fragments[-1]) if fragments else (b"", b"")
    if not (isinstance(first, bytes) and isinstance(last, bytes) and first.startswith(b" (") and last.endswith(b")")):
        raise BadSyntax("a list is expected")
    inside = [first[2:], *fragments[1:-1], last[:-1]] if len(fragments) > 1 else [first[2:-1]]
    scanner = Scanner(inside)
    pairs: dict[bytes, bytes] = {}
    while not scanner.at_end():
        if len(pairs) == PAIRS:
            raise BadSyntax("too many pairs")
        if pairs:
            scanner.space()
        key = scanner.string().lower()
        scanner.space()
        pairs[key] = scanner.string() if scanner.peek() in (b'"', b"") else _nil(scanner)
    return pairs


def _nil(scanner: Scanner) -> bytes:
    if scanner.atom().upper() != b"NIL":
        raise BadSyntax("a string or NIL is expected")
    return b""
