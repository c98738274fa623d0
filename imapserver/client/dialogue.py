"""One execution of an interactive verb, as a blocking program sees it."""

from __future__ import annotations

import imaplib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Self

from imapserver.client import syntax
from imapserver.client.received import Received
from imapserver.client.result import Overrun, Result, refuse

if TYPE_CHECKING:
    from imapserver.client.blocking import ExecuteMixin


class Dialogue:
    """Between two calls the connection is free for mail commands and other dialogues."""

    def __init__(self, client: ExecuteMixin, tag: bytes, received: Received) -> None:
        """Made by `ExecuteMixin.dialogue`."""
        self._client = client
        self._tag = tag
        self._received = received
        self._result: Result | None = None

    @property
    def tag(self) -> str:
        return self._tag.decode()

    def write(self, data: bytes) -> None:
        """Return when the program has taken it. BrokenPipeError: it reads no more, or has ended."""
        for start in range(0, len(data), syntax.PIECE):
            self._feed(data[start : start + syntax.PIECE])

    def close_input(self) -> None:
        """The program reads the end of its input."""
        if self._received.end is None:
            self._client._feed(self._tag, None)

    def read(self, size: int = -1) -> bytes:
        """Wait for output, and return up to `size` octets of it; a negative size reads to the end. Empty: the end."""
        self._received.all_wanted = size < 0
        return self._taken(lambda: self._received.take(size))

    def readline(self) -> bytes:
        """The next line with its LF. The last one may have none; empty: the end."""
        self._received.all_wanted = False
        return self._taken(self._received.take_line)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    @property
    def errors(self) -> bytes:
        """Standard error so far, where the map sends it."""
        return bytes(self._received.errors)

    def cancel(self) -> None:
        """End it: TERM to its processes, after two seconds KILL. `wait` tells when it has ended."""
        if self._received.end is None:
            self._client.cancel(self._tag)

    def wait(self) -> Result:
        """Wait for the end, with what output has not been read. It may want its input closed first.

        Raises Refused for an end that is none of its own: a limit, or octets that could not be carried."""
        if self._result is None:
            self._received.all_wanted = True
            self._client._wait(lambda: self._received.end is not None or self._received.overrun)
            self._check()
            self._result = self._client._finish(self._tag, self._received)
        return refuse(self._result)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self._result is not None:
            return
        try:
            self._client._abandon(self._tag)
            self._client._wait(lambda: self._received.end is not None)
            self._client._finish(self._tag, self._received)
        except (OSError, imaplib.IMAP4.error):
            if error is None:
                raise

    def _feed(self, data: bytes) -> None:
        ended = self._received.end is not None
        if ended or not self._client._feed(self._tag, data):
            raise BrokenPipeError("the execution reads no more")

    def _taken(self, take: Callable[[], bytes | None]) -> bytes:
        while (data := take()) is None:
            self._check()
            self._client._wait_once()
        self._check()
        return data

    def _check(self) -> None:
        if self._received.overrun:
            raise Overrun(f"canceled: more than {self._client.unread} octets of its output were not read")
