"""Mail as it comes: plain, 8-bit, with attachments, empty, and text that a careless parser takes for protocol."""

import random
from base64 import encodebytes
from datetime import UTC, datetime, timedelta

from tests.support.dovecot import Seed

FIRST = datetime(2021, 3, 28, 0, 59, 59, tzinfo=UTC)
FLAGS = ("", "S", "FS", "RS", "T", "D", "FRS", "PS")
"""A maildir's letters for Draft, Flagged, Passed, Replied, Seen, Trashed."""

HEAD = (
    "From: Ann Jones <ann@jones.org>\nTo: joe@smith.com\nSubject: {subject}\n"
    "Date: Sun, 28 Mar 2021 00:59:59 +0000\nMessage-ID: <{number}@jones.org>\nMIME-Version: 1.0\n"
)


def message(number: int) -> bytes:
    """The message of this number, the same each time, its lines ending in CRLF. Its subject is `KIND NUMBER`."""
    kind = KINDS[number % len(KINDS)]
    head = HEAD.format(subject=f"{kind.__name__} {number}", number=number)
    return head.encode().replace(b"\n", b"\r\n") + kind(number).replace(b"\n", b"\r\n")


def messages(count: int, start: int = 0) -> list[bytes]:
    return [message(number) for number in range(start, start + count)]


def seeds(count: int, start: int = 0, flags: tuple[str, ...] = FLAGS) -> list[Seed]:
    """Messages for a mailbox to begin with, as a maildir holds them: LF at the ends of lines."""
    return [
        Seed(message(number).replace(b"\r\n", b"\n"), flags[number % len(flags)], FIRST + timedelta(hours=37 * number))
        for number in range(start, start + count)
    ]


def plain(number: int) -> bytes:
    return b"Content-Type: text/plain\n\n" + b"The quick brown fox jumps over the lazy dog.\n" * (number % 40)


def tricky(number: int) -> bytes:
    lines = (b"A1 OK done", b"* BYE", b"+ go on", b")", b"* 1 EXISTS", b".", b"From ann", b"{100}", b'"', b"{3+}")
    return b"Content-Type: text/plain\n\n" + b"\n".join(lines) + b"\n"


def latin(number: int) -> bytes:
    head = b"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n"
    return head + bytes(range(0xA0, 0x100)) + b"\nGr\xfc\xdfe\n"


def utf8(number: int) -> bytes:
    head = "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    return f"{head}<p>Größe 價格 ціна {'😀' * (number % 7)}</p>\n".encode()


def attached(number: int) -> bytes:
    data = encodebytes(random.Random(number).randbytes(1000 + 97 * (number % 300)))
    return (
        b'Content-Type: multipart/mixed; boundary="=="\n\nPreamble\n--==\nContent-Type: text/plain\n\nSee below.\n'
        b'--==\nContent-Type: application/octet-stream; name="data"\nContent-Transfer-Encoding: base64\n'
        b'Content-Disposition: attachment; filename="data"\n\n' + data + b"--==--\n"
    )


def nested(number: int) -> bytes:
    inner = HEAD.format(subject="inner", number=f"inner{number}").encode() + b"\nInner.\n"
    return b'Content-Type: multipart/digest; boundary="--"\n\n----\n\n' + inner + b"\n----\n\n" + inner + b"\n------\n"


def empty_body(number: int) -> bytes:
    return b"\n"


def unfinished_line(number: int) -> bytes:
    return b"Content-Type: text/plain\n\nNo end of line"


def long_line(number: int) -> bytes:
    return b"Content-Type: text/plain\n\n" + b"0123456789" * 1000 + b"\n"


KINDS = (plain, tricky, latin, utf8, attached, nested, empty_body, unfinished_line, long_line, plain)
