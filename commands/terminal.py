"""Carries an execution on this process's own standard input and output: no thread, and no descriptor made
non-blocking, since a terminal's mode is shared with whoever else has it."""

import asyncio
import codecs
import os
import select
import sys
from collections.abc import Callable
from typing import BinaryIO

from commands.audit_text import visible
from commands.execution.carrying import show_beside
from commands.execution.execution import Execution
from commands.execution.output import CHUNK
from commands.outcome import Outcome

STDIN, STDOUT, STDERR = 0, 1, 2


class Terminal:
    """The `carry` of one execution."""

    def __init__(self, message: BinaryIO | None, *, raw: bool) -> None:
        """`message` is the input of a verb that takes one. `raw`: octets go to a terminal as they are, too."""
        self._message = message
        self._screens = {fd: Screen() for fd in (STDOUT, STDERR) if not raw and os.isatty(fd)}
        self._execution: Execution | None = None

    async def carry(self, execution: Execution) -> None:
        self._execution = execution
        await show_beside(self._show_all(execution), self._feed(execution))

    def interrupt(self) -> bool:
        """Cancel it; the second time, kill it. False: nothing runs yet."""
        execution = self._execution
        if execution is None:
            return False
        if execution.cause is None:
            execution.end(Outcome.CANCELED)
            print(f"Cancelling {execution.verb.name}; once more kills it.", file=sys.stderr)  # noqa: T201
        else:
            execution.kill()
        return True

    async def _show_all(self, execution: Execution) -> None:
        while output := await execution.read():
            await self._show(STDERR if output.stream == "STDERR" else STDOUT, output.data)

    async def _feed(self, execution: Execution) -> None:
        if self._message is not None:
            if os.fstat(self._message.fileno()).st_size > execution.verb.input_limit:
                execution.end(Outcome.LIMIT)
                return
            while data := self._message.read(CHUNK):
                await execution.write(data)
        elif execution.verb.mode == "interactive":
            while data := await _read(STDIN):
                if not await execution.write(data):
                    return
        execution.close_input()

    async def _show(self, fd: int, data: bytes) -> None:
        if fd in self._screens:
            data = self._screens[fd].show(data)
        await _write(fd, data)


class Screen:
    """Makes visible what would move the cursor of a terminal, or take it over."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._ends_in_cr = False

    def show(self, data: bytes) -> bytes:
        text = "\r" * self._ends_in_cr + self._decode(data)
        self._ends_in_cr = text.endswith("\r")  # it may be half of a line's end
        lines = text.removesuffix("\r").replace("\r\n", "\n").split("\n")
        # Backslashes as they are: nobody takes a screen for evidence.
        shown = "\n".join("\t".join(map(visible, line.split("\t"))) for line in lines)
        return shown.replace("\\\\", "\\").encode()

    def rest(self) -> bytes:
        """What was held, when no more comes."""
        text = "\r" * self._ends_in_cr + self._decode(b"", True)
        return visible(text).encode()


async def _read(fd: int) -> bytes:
    loop = asyncio.get_running_loop()
    await _ready(fd, loop.add_reader, loop.remove_reader)
    try:
        return os.read(fd, CHUNK)
    except OSError:  # a terminal that is gone
        return b""


async def _write(fd: int, data: bytes) -> None:
    loop = asyncio.get_running_loop()
    left = memoryview(data)
    while left:
        await _ready(fd, loop.add_writer, loop.remove_writer)
        left = left[os.write(fd, left[: select.PIPE_BUF]) :]  # what is ready takes that much without blocking


async def _ready(fd: int, watch: Callable[..., None], forget: Callable[[int], bool]) -> None:
    ready = asyncio.Event()
    try:
        watch(fd, ready.set)
    except PermissionError:  # a file, which is always ready: epoll takes none
        return
    try:
        await ready.wait()
    finally:
        forget(fd)
