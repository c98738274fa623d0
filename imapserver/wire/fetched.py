"""One message that the server itself fetches, taken out of what the engine says meanwhile."""

import re

from imapserver.wire.client_protocol import ANNOUNCEMENT, STATUS
from imapserver.wire.exceptions import Violation

# RFC 3501 section 7.4.2. The octets are a literal nearly always; of an empty message some servers say "" or NIL.
MESSAGE = re.compile(rb"\* (\d+) FETCH \([^\r\n]*?BODY\[\] (?:~?\{(\d{1,10})\}\r\n\Z|\"\"|NIL)", re.IGNORECASE)
FLAGS = re.compile(rb"FLAGS \([^()\r\n]*\)", re.IGNORECASE)
LINE = 1024 * 1024


class MessageFilter:
    """Give it the engine's octets, from a point between two responses on, while one `UID FETCH n (BODY.PEEK[])` is in
    flight and no other command. It keeps the message and returns all else, which is the client's as ever."""

    def __init__(self, limit: int) -> None:
        """Of a message of more than `limit` octets none is kept."""
        self.size: int | None = None
        """Octets of the message; None: none has come."""
        self._limit = limit
        self._line = b""
        self._kept: list[bytes] = []
        self._literal = 0
        self._ours = self._inside = False
        """Inside of the response that holds the message; inside of any other one."""
        self._number = self._flags = b""

    def take(self) -> bytes:
        """The octets of the message that have come since the last call."""
        kept, self._kept = self._kept, []
        return b"".join(kept)

    def receive_data(self, data: bytes) -> bytes:
        """Return what goes on to the client. Raises Violation for a line without an end."""
        data, self._line = self._line + data, b""
        others: list[bytes] = []
        position = 0
        while position < len(data):
            if self._literal:
                end = min(len(data), position + self._literal)
                self._literal -= end - position
                self._octets(data[position:end], others)
            else:
                end = data.find(b"\n", position) + 1
                if not end:
                    self._line = data[position:]
                    if len(self._line) > LINE:
                        raise Violation("the engine's line is too long")
                    break
                self._whole_line(data[position:end], others)
            position = end
        return b"".join(others)

    def _octets(self, data: bytes, others: list[bytes]) -> None:
        if not self._ours:
            others.append(data)
        elif (self.size or 0) <= self._limit:
            self._kept.append(data)

    def _whole_line(self, line: bytes, others: list[bytes]) -> None:
        if not self._ours and not self._inside and (message := MESSAGE.match(line)):
            self._ours = True
            self._number, self.size = message[1], int(message[2] or 0)
        announced = None if STATUS.match(line) and not self._inside else ANNOUNCEMENT.search(line)
        self._literal = int(announced[1]) if announced else 0
        if not self._ours:
            others.append(line)
            self._inside = announced is not None
            return
        if flags := FLAGS.search(line):
            self._flags = flags[0]
        if announced is None:
            if self._flags:  # new to the engine's client, which is ours too
                others.append(b"* %b FETCH (%b)\r\n" % (self._number, self._flags))
            self._ours, self._flags = False, b""
