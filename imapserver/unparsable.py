"""Which verb somebody meant whose command can't be read: for the record, and nothing else of it."""

import re
from collections.abc import Sequence

from imapserver.wire.exceptions import BadSyntax
from imapserver.wire.syntax import Fragment, Scanner

VERB = re.compile(r"[a-z][a-z0-9._-]{0,63}")
"""As the map writes one: what is no verb's name may be an argument, and any of these may be a secret."""

WITHOUT_VERB = frozenset({b"FEED"})


def verb_meant(name: bytes, fragments: Sequence[Fragment]) -> str:
    """The verb that stands behind the command's name; empty if none can be read there."""
    if name in WITHOUT_VERB:
        return ""
    scanner = Scanner(fragments)
    try:
        scanner.space()
        if scanner.peek() == b"(":
            scanner.parenthesized_atom()
            scanner.space()
        word = scanner.astring()
        if name == b"EXECUTE" and word.startswith(b"(") and word.endswith(b")"):
            scanner.space()
            word = scanner.astring()
    except BadSyntax:
        return ""
    text = word.decode("ascii", "replace").lower()
    # Else it goes on with what no atom has.
    is_whole = scanner.peek() in (b" ", b"")
    return text if is_whole and VERB.fullmatch(text) else ""
