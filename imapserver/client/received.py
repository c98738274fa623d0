"""What has come of one execution: its output until somebody takes it, and its end."""

import re
from collections.abc import Callable

from imapserver.client.result import Result, Status

OUTPUT = re.compile(rb'\* EXECUTE \(TAG "([^"\\]+)"\) \((STDOUT|STDERR) ~?\{(\d{1,10})\}\r\n')
"""The start of a response with output; so many octets, and `)`, follow."""

LITERAL = re.compile(rb"\{(\d{1,10})\}\r\n\Z")
STATUS_RESPONSE = re.compile(rb"\* (?:OK|NO|BAD|BYE|PREAUTH)[ \r\n]", re.IGNORECASE)

Show = Callable[[str, bytes], None]
"""Gets `STDOUT` or `STDERR`, and a piece of output."""


class Received:
    def __init__(self, show: Show | None = None) -> None:
        """`show` gets the output as it comes; without it, it is kept."""
        self.output = bytearray()
        self.errors = bytearray()
        self.end: Status | None = None
        self.executing = False
        """The server has begun a dialogue in the tagged form."""
        self.discarding = False
        """Nobody wants it any more."""
        self.overrun = False
        """More has come than was to be kept."""
        self.all_wanted = False
        """Somebody waits for the whole of it."""
        self._show = show

    def put(self, stream: str, data: bytes) -> None:
        if self.discarding:
            return
        if self._show is not None:
            self._show(stream, data)
        else:
            (self.errors if stream == "STDERR" else self.output).extend(data)

    def put_line(self, line: bytes) -> None:
        """A line under its tag: a status response, or text of the tagged form, which is not kept."""
        status = Status.parse(line)
        if status is not None and status.code == "EXECUTING":
            self.executing = True
        elif status is not None and (status.code or status.condition == "BAD" or not self.executing):
            self.end = status

    def discard(self) -> None:
        self.discarding = True
        self.output.clear()
        self.errors.clear()

    @property
    def waiting(self) -> int:
        return len(self.output) + len(self.errors)

    def take(self, size: int) -> bytes | None:
        """Up to `size` octets; a negative one means all to the end. Empty at the end; None: they have not come yet."""
        if self.end is None and (not self.output or size < 0) and size:
            return None
        return self._cut(len(self.output) if size < 0 else size)

    def take_line(self) -> bytes | None:
        """The next line with its LF; the last one may have none. Empty at the end; None: it has not all come yet."""
        end = self.output.find(b"\n") + 1
        if not end and self.end is None:
            return None
        return self._cut(end or len(self.output))

    def _cut(self, size: int) -> bytes:
        data = bytes(self.output[:size])
        del self.output[:size]
        return data

    def result(self) -> Result:
        """Of what is left. The end must have come."""
        end = Status("NO", "EXECUTING", "this verb is a dialogue: open it as one") if self.executing else self.end
        if end is None:
            raise RuntimeError("it has not ended")
        return Result(self._cut(len(self.output)), bytes(self.errors), end)
