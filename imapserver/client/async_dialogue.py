"""One execution of an interactive verb, as a task sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from imapserver.client import syntax
from imapserver.client.responses import Awaited
from imapserver.client.result import Result, refuse

if TYPE_CHECKING:
    from imapserver.client.asynchronous import Client


class AsyncDialogue:
    """One task may write while another reads."""

    def __init__(self, client: Client, tag: bytes, received: Awaited) -> None:
        """Made by `Client.dialogue`."""
        self._client = client
        self._tag = tag
        self._received = received
        self._result: Result | None = None

    @property
    def tag(self) -> str:
        return self._tag.decode()

    async def write(self, data: bytes) -> None:
        """Return when the program has taken it. BrokenPipeError: it reads no more, or has ended.

        A program that writes before it reads on waits for a reader: where it may write much, let another task read."""
        for start in range(0, len(data), syntax.PIECE):
            if not await self._feed(data[start : start + syntax.PIECE]):
                raise BrokenPipeError("the execution reads no more")

    async def close_input(self) -> None:
        """The program reads the end of its input."""
        await self._feed(None)

    async def read(self, size: int = -1) -> bytes:
        """Wait for output, and return up to `size` octets of it; a negative size reads to the end. Empty: the end."""
        if size < 0:
            self._want_all()
        return await self._taken(lambda: self._received.take(size))

    async def readline(self) -> bytes:
        """The next line with its LF, of any length. The last one may have none; empty: the end."""
        return await self._taken(self._received.take_line)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while line := await self.readline():
            yield line

    @property
    def errors(self) -> bytes:
        """Standard error so far, where the map sends it."""
        return bytes(self._received.errors)

    async def cancel(self) -> None:
        """End it: TERM to its processes, after two seconds KILL. `wait` tells when it has ended."""
        if self._received.end is None:
            await self._client.cancel(self._tag)

    async def wait(self) -> Result:
        """Wait for the end, with what output has not been read. It may want its input closed first.

        Raises Refused for an end that is none of its own: a limit, or octets that could not be carried."""
        while self._received.end is None:
            self._want_all()
            await self._client._more(self._received)
        if self._result is None:
            self._result = self._received.result()
        return refuse(self._result)

    def _want_all(self) -> None:
        self._received.all_wanted = True
        self._client._room()

    async def _feed(self, data: bytes | None) -> bool:
        if self._received.end is not None:
            return False
        return await self._client._feed(self._tag, self._received, data)

    async def _taken(self, take: Callable[[], bytes | None]) -> bytes:
        while (data := take()) is None:
            if self._received.output:
                self._want_all()  # a line longer than what may wait
            await self._client._more(self._received)
        self._received.all_wanted = False
        self._client._room()
        return data
