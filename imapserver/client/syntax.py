"""Writing commands, so that no argument can pass for anything else than one argument.

Literals within a command are non-synchronizing (RFC 7888): the server of EXECUTE takes them for its own commands,
whatever the mail engine does.
"""

import re

ATOM = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
PRINTABLE = re.compile(rb"[ -~]*")
VERB = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]{1,64}")

ARGUMENT = 1024
"""Octets of one argument: as a literal the server would take a longer one for input."""

PIECE = 64 * 1024
"""Octets of one FEED. While one of them waits for its answer the server still reads the other commands."""


def octets(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def astring(value: str | bytes) -> bytes:
    """An atom, a quoted string or a literal: the first of them that can hold it. ValueError for NUL: none can."""
    data = octets(value)
    if ATOM.fullmatch(data):
        return data
    if PRINTABLE.fullmatch(data):
        return quoted(data)
    if b"\0" in data:
        raise ValueError("an argument can't hold NUL")
    return b"{%d+}\r\n%b" % (len(data), data)


def quoted(data: bytes) -> bytes:
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def execute(verb: str, arguments: tuple[str | bytes, ...], form: str = "") -> bytes:
    """`EXECUTE [(form)] verb arguments`, without tag and end of line. ValueError for what can't be said."""
    if not VERB.fullmatch(verb):
        raise ValueError(f"a verb is up to 64 letters, digits and signs without spaces, not {verb!r}")
    for argument in arguments:
        if len(octets(argument)) > ARGUMENT:
            raise ValueError(f"an argument has at most {ARGUMENT} octets; more can be input")
    words = [b"EXECUTE", *([b"(%b)" % form.encode()] if form else []), verb.encode()]
    return b" ".join([*words, *map(astring, arguments)])


def feed(tag: bytes, data: bytes | None) -> bytes:
    """`FEED "tag" …`; None ends the input."""
    if data is None:
        return b'FEED "%b" NIL' % tag
    # NUL is allowed in a literal8 alone (RFC 6855 section 4).
    return b'FEED "%b" %b{%d+}\r\n%b' % (tag, b"~" if b"\0" in data else b"", len(data), data)


def cancel(tag: str | bytes) -> bytes:
    data = octets(tag)
    if not PRINTABLE.fullmatch(data):
        raise ValueError("a tag is printable ASCII")
    return b"CANCEL " + quoted(data)


def announcement(data: bytes) -> bytes:
    """A synchronizing literal's: the octets follow when the server has asked for them."""
    return b"%b{%d}" % (b"~" if b"\0" in data else b"", len(data))


def one_line(text: str | bytes) -> bytes:
    """A line of a caller's own. ValueError if it is more than one."""
    data = octets(text)
    if b"\r" in data or b"\n" in data or b"\0" in data:
        raise ValueError("a line can't hold CR, LF or NUL")
    return data
