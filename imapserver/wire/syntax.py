"""Tokens of RFC 3501 section 9: tag, atom, quoted, literal, list; reading them, and writing a string.

A command is a sequence of fragments: text, literal, text, … (`fragments.py`). `Scanner` reads tokens over it,
without recursion and in linear time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from imapserver.wire.exceptions import BadSyntax

# atom-specials: ( ) { SP CTL list-wildcards % *, quoted-specials " \, resp-specials ]; 8-bit is no CHAR.
ATOM_CHARS = rb"!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~"
ATOM = re.compile(rb"[" + ATOM_CHARS + rb"]+")
ASTRING_ATOM = re.compile(rb"[" + ATOM_CHARS + rb"\]]+")
TAG = re.compile(rb"[" + ATOM_CHARS.replace(b"+", b"") + rb"\]]+")
QUOTED = re.compile(rb'"((?:[\x01-\x09\x0b\x0c\x0e-!#-\[\]-\x7f]|\\["\\])*+)"')
ESCAPED = re.compile(rb'\\(["\\])')


@dataclass(frozen=True, slots=True)
class Literal:
    """The octets of a literal; `binary` for literal8 (RFC 6855, `~{n}`)."""

    data: bytes
    binary: bool = False


Fragment = bytes | Literal


class Scanner:
    """Reads the arguments of one command. Every method raises BadSyntax where the next token is another one."""

    def __init__(self, fragments: Sequence[Fragment]) -> None:
        self._fragments = fragments
        self._index = 0
        self._position = 0

    def _text(self) -> bytes:
        fragment = self._fragments[self._index] if self._index < len(self._fragments) else b""
        return fragment if isinstance(fragment, bytes) else b""

    def at_end(self) -> bool:
        return self._index >= len(self._fragments) - 1 and self._position >= len(self._text())

    def end(self) -> None:
        if not self.at_end():
            raise BadSyntax("unexpected text after the arguments")

    def peek(self) -> bytes:
        """The next octet of text; empty at a literal and at the end."""
        return self._text()[self._position : self._position + 1]

    def space(self) -> None:
        if self.peek() != b" ":
            raise BadSyntax("a space is missing")
        self._position += 1

    def _match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        match = pattern.match(self._text(), self._position)
        if match is None:
            raise BadSyntax(f"{what} is missing or malformed")
        self._position = match.end()
        return match

    def atom(self) -> bytes:
        return self._match(ATOM, "an atom")[0]

    def quoted(self) -> bytes:
        return ESCAPED.sub(rb"\1", self._match(QUOTED, "a quoted string")[1])

    def literal(self, *, binary_allowed: bool = False, nul_allowed: bool = False) -> bytes:
        """Read the literal that stands here. NUL is refused: no CHAR8 (RFC 3501), and argv can't hold it."""
        if self._position < len(self._text()) or self._index + 1 >= len(self._fragments):
            raise BadSyntax("a literal is missing")
        literal = self._fragments[self._index + 1]
        if not isinstance(literal, Literal):
            raise BadSyntax("a literal is missing")
        if literal.binary and not binary_allowed:
            raise BadSyntax("a literal8 is not allowed here")
        if b"\0" in literal.data and not nul_allowed:
            raise BadSyntax("NUL is not allowed")
        self._index += 2
        self._position = 0
        return literal.data

    def string(self, *, binary_allowed: bool = False) -> bytes:
        return self.quoted() if self.peek() == b'"' else self.literal(binary_allowed=binary_allowed)

    def astring(self, *, binary_allowed: bool = False) -> bytes:
        if self.peek() in (b'"', b""):
            return self.string(binary_allowed=binary_allowed)
        return self._match(ASTRING_ATOM, "a string")[0]

    def parenthesized_atom(self) -> bytes:
        if self.peek() != b"(":
            raise BadSyntax("a parenthesis is missing")
        self._position += 1
        atom = self.atom()
        if self.peek() != b")":
            raise BadSyntax("a closing parenthesis is missing")
        self._position += 1
        return atom


def quote(value: bytes) -> bytes:
    """Write `value` as a quoted string. It must hold no CR, LF or NUL."""
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
