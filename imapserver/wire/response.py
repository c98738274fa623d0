"""Responses that IMAPX itself sends. RFC 3501 section 7; the shapes of EXECUTE are PROTOCOL sections 4 to 6."""

import re

NOT_RESP_TEXT = re.compile(r"[^ -~]|[\]{}]")


def resp_text(text: str) -> bytes:
    """Make any text fit for a status response: printable ASCII, no `]` that would end a response code.

    And no brace: some clients take `{12}` at the end of any line for the announcement of a literal."""
    return NOT_RESP_TEXT.sub("?", text).encode()


def status(tag: bytes | None, condition: str, text: str, code: str = "") -> bytes:
    """`tag OK [code] text`; no tag makes it untagged."""
    bracketed = f"[{code}] " if code else ""
    return b"%b %b %b%b\r\n" % (tag or b"*", condition.encode(), bracketed.encode(), resp_text(text))


def capability(names: tuple[str, ...]) -> bytes:
    return b"* CAPABILITY %b\r\n" % " ".join(names).encode()


def continuation(text: str = "") -> bytes:
    return b"+ %b\r\n" % resp_text(text)


def execute_output(tag: bytes, stream: str, data: bytes) -> bytes:
    """`* EXECUTE (TAG "tag") (STDOUT {n}…)`. NUL is allowed in a literal8 alone (RFC 6855 section 4)."""
    binary = b"~" if b"\0" in data else b""
    head = b'* EXECUTE (TAG "%b") (%b %b{%d}\r\n' % (tag, stream.encode(), binary, len(data))
    return head + data + b")\r\n"
