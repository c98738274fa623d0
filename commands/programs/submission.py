"""A message that a user hands in to be sent (RFC 6409): what is refused, and what is changed. No I/O here.

It is worked on as octets: to parse it and write it anew would change what may be signed, and would let through what
one parser reads one way and the next one another.
"""

import re
from collections import Counter
from dataclasses import dataclass
from email.utils import formatdate, make_msgid

from commands.programs.refused import RefusedError

LINE = 998
"""Octets of a line without its end (RFC 5322 section 2.1.1): servers cut longer ones anywhere, in a header too."""

# RFC 5322 section 3.2.3, with RFC 6531's UTF-8. Of an address in quotes a server may make another one.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a0-\U0010ffff-]+"
_LABEL = r"[A-Za-z0-9\u00a0-\U0010ffff](?:[A-Za-z0-9\u00a0-\U0010ffff-]*[A-Za-z0-9\u00a0-\U0010ffff])?"
ADDRESS = re.compile(rf"(?!-){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")

FIELD = re.compile(rb"([!-9;-~]+):((?:[^\r]|\r\n[ \t])*)")
# One address, and nothing that some parser might take for a second: no comment, no group, no route.
MAILBOX = re.compile(
    rb'\s*(?:(?:[^"<>()@,;:\\\[\]]|"(?:[^"\\]|\\.)*")*<([^<>\s]+)>|([^<>\s"(),;:\\\[\]]+))\s*', re.DOTALL
)

# RFC 5322 section 3.6: at most one of each. Of two, one reader shows the first, another one the last.
SINGLE = frozenset({b"from", b"sender", b"reply-to", b"to", b"cc", b"date", b"message-id", b"in-reply-to", b"subject"})
# Bcc: nobody else is to know. Return-Path: the last server's own word.
REMOVED = frozenset({b"bcc", b"return-path"})


@dataclass(frozen=True, slots=True)
class Submission:
    """What is sent, and what the sender keeps of it (with Bcc). Its lines end with CRLF."""

    sent: bytes
    kept: bytes
    eight_bit: bool
    """Octets above 127 are in it: the server must know 8BITMIME."""
    utf8_header: bool
    """Some of them in the header: the server must know SMTPUTF8."""


def submission(data: bytes, sender: str) -> Submission:
    """The message as it may go out in the name of the address `sender`. RefusedError, if it may not."""
    data = _lines(data)
    header, separator, body = data.partition(b"\r\n\r\n") if not data.startswith(b"\r\n") else (b"", b"", b"")
    if not separator:
        header, body = header.removesuffix(b"\r\n"), b""
    fields = _fields(header)
    _check(fields, sender)
    names = {name for name, _ in fields}
    added = b""
    if b"date" not in names:
        added += b"\r\nDate: " + formatdate(localtime=True).encode()
    if b"message-id" not in names:
        domain = sender.rpartition("@")[2]
        added += b"\r\nMessage-ID: " + make_msgid(domain=domain if domain.isascii() else "localhost").encode()
    rest = added + b"\r\n\r\n" + body
    sent = b"\r\n".join(text for name, text in fields if name not in REMOVED)
    return Submission(
        sent=sent + rest,
        kept=b"\r\n".join(text for name, text in fields if name != b"return-path") + rest,
        eight_bit=not (sent + body).isascii(),
        utf8_header=not sent.isascii(),
    )


def _lines(data: bytes) -> bytes:
    """With CRLF at the end of each line, whole. A bare CR, or LF, is what one message is smuggled in another by."""
    if b"\0" in data:
        raise RefusedError("the message holds a NUL: send such data in base64")
    data = re.sub(rb"(?<!\r)\n", b"\r\n", data)
    if re.search(rb"\r(?!\n)", data):
        raise RefusedError("the message holds a CR that ends no line: lines end with CRLF")
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    if max(map(len, data.split(b"\r\n"))) > LINE:
        raise RefusedError(f"the message has a line of more than {LINE} octets: send it quoted-printable or in base64")
    return data


def _fields(header: bytes) -> list[tuple[bytes, bytes]]:
    """Name in lower case, and the whole field with its folds."""
    fields = []
    for text in re.split(rb"\r\n(?![ \t])", header):
        field = FIELD.fullmatch(text)
        if field is None:
            raise RefusedError("the message has to begin with its header, and this is no line of one: " + _shown(text))
        fields.append((field[1].lower(), text))
    try:
        header.decode()
    except UnicodeDecodeError:
        raise RefusedError("the header is neither ASCII nor UTF-8") from None
    return fields


def _check(fields: list[tuple[bytes, bytes]], sender: str) -> None:
    counts = Counter(name for name, _ in fields)
    for name in sorted(SINGLE):
        if counts[name] > 1:
            raise RefusedError(f"the header has {counts[name]} fields {name.decode()}: one is allowed")
    if any(name.startswith(b"resent-") for name in counts):
        raise RefusedError("the header has Resent- fields: forward the message instead")
    if not counts[b"from"]:
        raise RefusedError(f"the header has no field From: write From: {sender}")
    for name, text in fields:
        if name in (b"from", b"sender"):
            mailbox = MAILBOX.fullmatch(text.partition(b":")[2])
            address = (mailbox[1] or mailbox[2]).decode() if mailbox else ""
            if address.casefold() != sender.casefold():
                raise RefusedError(f"{name.decode().capitalize()} has to be your own address alone: {sender}")


def _shown(text: bytes) -> str:
    return ascii(text[:60].decode(errors="replace"))
