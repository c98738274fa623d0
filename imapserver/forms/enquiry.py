"""How a program asks for a line: by one of its own that holds only ENQ (%x05), the convention of Dovecot's XEXEC."""

import re

ENQUIRY = re.compile(rb"(?<![^\n])\x05\r?\n")
UNFINISHED = re.compile(rb"(?<![^\n])\x05\r?\Z")


class Enquiries:
    """Finds such lines in output, however it is cut."""

    def __init__(self) -> None:
        self._held = b""
        self._inside = b""
        """One octet that stands for the line which has begun already; empty at the start of one."""

    def split(self, data: bytes) -> list[bytes]:
        """The pieces before, between and behind the enquiries: one more than there are of them."""
        data = self._inside + self._held + data
        unfinished = UNFINISHED.search(data)
        self._held = data[unfinished.start() :] if unfinished else b""
        whole = data[: len(data) - len(self._held)]
        pieces = ENQUIRY.split(whole)
        pieces[0] = pieces[0][len(self._inside) :]
        if whole:
            self._inside = b"" if whole.endswith(b"\n") else b"x"
        return pieces

    def rest(self) -> bytes:
        """What was held, when the output has ended."""
        held, self._held = self._held, b""
        return held
