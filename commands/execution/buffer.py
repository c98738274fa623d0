"""A bounded buffer of bytes between two tasks of one event loop: the pipe of what is no process."""

import asyncio
from collections.abc import Callable

from commands.execution.executable import Take

LIMIT = 64 * 1024  # as a pipe holds


class Buffer:
    """An executable.Reader. One task reads at a time."""

    def __init__(self, made_room: Callable[[], None] | None = None) -> None:
        """`made_room` is called after each read that leaves less than LIMIT."""
        self._data = bytearray()
        self._ended = False
        self._made_room = made_room
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._data)

    @property
    def is_full(self) -> bool:
        return len(self._data) >= LIMIT

    @property
    def has_line(self) -> bool:
        """Whether `readline` would return at once."""
        return self._ended or self.is_full or b"\n" in self._data

    # Who fills it

    def feed(self, data: bytes | memoryview) -> None:
        """Take all of it, however much is held already."""
        if self._ended or not data:
            return
        self._data += data
        self._empty.clear()
        if self.is_full:
            self._room.clear()
        self._changed.set()

    def feed_end(self) -> None:
        """What is held now can be read; then comes the end. Whoever waits for room or emptiness goes on."""
        self._ended = True
        self._changed.set()
        self._room.set()
        self._empty.set()

    async def put(self, data: bytes | memoryview) -> None:
        """Take it as there is room. BrokenPipeError if the end was fed."""
        view = memoryview(data)
        while view:
            await self._room.wait()
            if self._ended:
                raise BrokenPipeError("nobody reads this")
            taken = LIMIT - len(self._data)
            self.feed(view[:taken])
            view = view[taken:]

    async def wait_empty(self) -> None:
        """Until all of it has been read, or the end was fed."""
        await self._empty.wait()

    # Who reads it

    async def read(self, size: int, /, take: Take | None = None) -> bytes:
        """`take` is offered nothing: who fills this has other things to do."""
        while not self._data and not self._ended:
            await self._change()
        return self._take(min(size, len(self._data)))

    async def readline(self) -> bytes:
        r"""A line with its `\n`; what stands before the end; b"". ValueError if it has more than LIMIT bytes."""
        while not self.has_line:
            await self._change()
        end = self._data.find(b"\n") + 1
        if not end and self.is_full:
            raise ValueError(f"a line of more than {LIMIT} bytes")
        return self._take(end or len(self._data))

    def give_back(self, data: bytes) -> None:
        """Let what was read be read again."""
        self._data[:0] = data
        self._empty.clear()
        self._changed.set()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _take(self, size: int) -> bytes:
        data = bytes(self._data[:size])
        del self._data[:size]
        if not self.is_full:
            self._room.set()
            if self._made_room is not None:
                self._made_room()
        if not self._data:
            self._empty.set()
        return data
