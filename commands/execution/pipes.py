"""The server's ends of a program's pipes, on any event loop.

Not `loop.connect_read_pipe`: its transports read ahead, take several turns of the loop to start, and uvloop's close
their descriptor twice (libuv, then the file object), when another thread may already have been given its number.
Here nothing is read ahead: what nobody has read stays in the pipe, and a full pipe stops the program.
"""

import asyncio
import contextlib
import fcntl
import os
import select
import sys
import termios
from collections.abc import Callable
from typing import Self

from commands.execution.executable import Take

CLOSED = -1


class _PipeEnd:
    """Watched by the loop from the first wait on, not for each wait anew: that costs more than a line of a dialogue."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._watched = False

    def close(self) -> None:
        """Close it; who waits on it goes on. Any number of times."""
        if self._fd == CLOSED:
            return
        self._unwatch()
        self._wake()
        os.close(self._fd)
        self._fd = CLOSED

    async def _ready(self) -> None:
        """Return when it may be ready."""
        if not self._watched:
            self._watched = True
            self._watch(self._fd, self._became_ready)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _became_ready(self) -> None:
        if not self._wake():
            self._unwatch()  # else the loop would tell at every turn, until somebody wants what is there

    @property
    def _waits(self) -> bool:
        return self._waiter is not None and not self._waiter.done()

    def _wake(self) -> bool:
        if self._waiter is None or self._waiter.done():
            return False
        self._waiter.set_result(None)
        return True

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            self._stop_watching(self._fd)

    def _watch(self, fd: int, ready: Callable[[], None]) -> None:
        raise NotImplementedError

    def _stop_watching(self, fd: int) -> None:
        raise NotImplementedError


class PipeReader(_PipeEnd):
    """An executable.Reader."""

    @classmethod
    def open(cls) -> tuple[Self, int]:
        """One of a new pipe, and the descriptor of its writing end. Both are close-on-exec."""
        reading, writing = os.pipe()
        return cls(reading), writing

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._rest = b""
        """What has been read, and not returned."""
        self._holds_more = False
        """Likely: the last read got as much as it was to take."""
        self._size = 0
        self._take: Take | None = None

    async def read(self, size: int, /, take: Take | None = None) -> bytes:
        self._size, self._take = size, take
        if self._holds_more:
            await asyncio.sleep(0)  # a pipe that is always full must not keep the loop to itself
        elif self._fd != CLOSED and not self._rest:
            await self._ready()
        while self._fd != CLOSED and not self._rest:
            try:
                self._fill()
            except BlockingIOError:
                await self._ready()
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def _fill(self) -> None:
        """Read what is there, or find that the end is. BlockingIOError if there is nothing."""
        self._rest = os.read(self._fd, self._size)
        self._holds_more = len(self._rest) == self._size
        if not self._rest:
            self.close()

    def _became_ready(self) -> None:
        if self._take is not None and self._waits:
            try:
                self._fill()
            except BlockingIOError:
                return
            if self._rest and self._take(self._rest):
                self._rest = b""
                return
        super()._became_ready()

    def enlarge(self, size: int) -> None:
        """Let the pipe hold `size` bytes, if the kernel allows it (pipe(7), pipe-user-pages-soft)."""
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, size)

    def finish(self) -> None:
        """Close it, but let what it holds now be read: then comes the end, whoever still holds the other end."""
        if self._fd == CLOSED:
            return
        if held := _held(self._fd):
            self._rest += os.read(self._fd, held)
        self.close()

    def _watch(self, fd: int, ready: Callable[[], None]) -> None:
        self._loop.add_reader(fd, ready)

    def _stop_watching(self, fd: int) -> None:
        self._loop.remove_reader(fd)


class PipeWriter(_PipeEnd):
    """An executable.Writer."""

    @classmethod
    def open(cls) -> tuple[Self, int]:
        """One of a new pipe, and the descriptor of its reading end. Both are close-on-exec."""
        reading, writing = os.pipe()
        return cls(writing), reading

    async def write(self, data: bytes | memoryview, /) -> None:
        while data:
            if self._fd == CLOSED:
                raise BrokenPipeError("nobody reads this pipe")
            try:
                taken = os.write(self._fd, data)
                data = memoryview(data)[taken:] if taken < len(data) else b""
            except BlockingIOError:
                await self._ready()
            except BrokenPipeError:
                self.close()
                raise

    def write_now(self, data: bytes, /) -> bool:
        if self._fd == CLOSED or len(data) > select.PIPE_BUF:  # of which a pipe takes all or nothing
            return False
        try:
            os.write(self._fd, data)
        except (BlockingIOError, BrokenPipeError):
            return False
        return True

    @property
    def unread(self) -> int:
        return 0 if self._fd == CLOSED else _held(self._fd)

    def _watch(self, fd: int, ready: Callable[[], None]) -> None:
        self._loop.add_writer(fd, ready)

    def _stop_watching(self, fd: int) -> None:
        self._loop.remove_writer(fd)


def _held(fd: int) -> int:
    """Bytes in the pipe that either of its ends belongs to."""
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)
