"""Bytes and text of the record: arguments as they came, and as people may safely read them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Redacted:
    """What the record has in place of a secret argument: its length in bytes, and an HMAC-SHA256 of it."""

    length: int
    digest: bytes


def encode_arguments(arguments: Iterable[bytes | Redacted]) -> bytes:
    """Each argument as a netstring: `3:add,` keeps every byte and every boundary.

    A secret one is `LENGTH DIGEST` that ends with `!`: no bytes that a client sends can pass for it.
    """
    return b"".join(map(_encode, arguments))


def _encode(argument: bytes | Redacted) -> bytes:
    if isinstance(argument, Redacted):
        text = b"%d %s" % (argument.length, argument.digest.hex().encode())
        return b"%d:%s!" % (len(text), text)
    return b"%d:%s," % (len(argument), argument)


def decode_arguments(encoded: bytes | memoryview) -> tuple[bytes | Redacted, ...]:
    """The arguments that `encode_arguments` was given. ValueError if it did not write this."""
    rest = bytes(encoded)
    arguments: list[bytes | Redacted] = []
    while rest:
        digits, colon, rest = rest.partition(b":")
        if not colon or not digits.isdigit():
            raise ValueError("not a netstring")
        size = int(digits)
        end = rest[size : size + 1]
        if end not in (b",", b"!"):
            raise ValueError("a netstring that does not end")
        arguments.append(rest[:size] if end == b"," else _decode_redacted(rest[:size]))
        rest = rest[size + 1 :]
    return tuple(arguments)


def _decode_redacted(text: bytes) -> Redacted:
    length, _, digest = text.decode("ascii").partition(" ")
    return Redacted(int(length), bytes.fromhex(digest))


def printable(argument: bytes | Redacted) -> str:
    """One argument to read: `visible`, in quotes where its bounds would not be seen without."""
    if isinstance(argument, Redacted):
        return f"(secret of {argument.length} bytes, HMAC {argument.digest.hex()[:16]})"
    text = visible(argument.decode("utf-8", "surrogateescape"))
    if text and not any(character in text for character in " \"'"):
        return text
    return '"' + text.replace('"', '\\"') + '"'


def visible(text: str) -> str:
    r"""`text` with nothing in it that moves a cursor, turns the reading direction or can't be seen.

    Controls and bytes that were no UTF-8 (surrogates, PEP 383) are shown as \x1b, others as \u202e; a backslash
    is doubled, so that a shown escape is never mistaken for one that somebody typed.
    """
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(_visible_character(character) for character in text)


def visible_ascii(text: str) -> str:
    """As `visible`, and every character beyond ASCII as an escape."""
    return visible(text).encode("ascii", "backslashreplace").decode("ascii")


def _visible_character(character: str) -> str:
    code = ord(character)
    if character == "\\":
        return "\\\\"
    if character.isprintable():  # false for controls, formats such as U+202E, and every space but the ASCII one
        return character
    if code < 0x80:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
