"""Lines on their way from a client to one execution."""

import asyncio
from collections import deque
from collections.abc import Callable

WAITING = 64 * 1024


class DialogueLines:
    """The lines under one tag that wait to be taken; over WAITING octets of them the client is read no further."""

    def __init__(self, changed: Callable[[], None], refused: Callable[[], None]) -> None:
        self._lines: deque[bytes] = deque()
        self._octets = 0
        self._arrived: asyncio.Future[None] | None = None
        self._changed = changed
        self._refused = refused
        self._refuses = False

    @property
    def full(self) -> bool:
        return self._octets > WAITING

    def put(self, line: bytes) -> None:
        if self._refuses:
            self._refused()
            return
        self._lines.append(line)
        self._octets += len(line) + 2
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def next(self) -> bytes:
        while not self._lines:
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        line = self._lines.popleft()
        was_full = self.full
        self._octets -= len(line) + 2
        if was_full and not self.full:
            self._changed()
        return line

    def refuse(self) -> None:
        self._refuses = True
        was_full = self.full
        for _ in self._lines:
            self._refused()
        self._lines.clear()
        self._octets = 0
        if was_full:
            self._changed()
