"""What an execution needs of an executable, whatever its kind."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class ExecutableUnavailable(Exception):
    """It could not be started; nothing has run. The text is for the log, not for the client."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How it ended: by an exit status, or by the number of a signal. Just one of them is set."""

    code: int | None = None
    signal: int | None = None


Take = Callable[[bytes], bool]
"""The short way for what comes while somebody waits for it: offered in the same step of the loop, where to wake the
waiting task costs as much as all else. True: it is dealt with. It may not raise."""


class Reader(Protocol):
    """As much of `asyncio.StreamReader` as an execution needs. One caller at a time."""

    async def read(self, size: int, /, take: Take | None = None) -> bytes:
        """As soon as there is something, at most `size` bytes of it; b"" at the end. Cancelled, it loses nothing.

        While this waits it may offer what comes to `take`; it waits on if that has taken it."""


class Writer(Protocol):
    async def write(self, data: bytes | memoryview, /) -> None:
        """Return when the executable's side has taken all of it. BrokenPipeError if it will never read it."""

    def write_now(self, data: bytes, /) -> bool:
        """As write(), if that need not wait. False: nothing was written."""
        return False

    def close(self) -> None:
        """The executable reads the end of file after what was written before. Any number of times."""


class Executable(Protocol):
    """A running executable. Whoever started it awaits `wait()`, then calls `close()`."""

    @property
    def stdin(self) -> Writer: ...

    @property
    def stdout(self) -> Reader: ...

    @property
    def stderr(self) -> Reader | None: ...

    @property
    def asks(self) -> asyncio.Event | None:
        """Set while it waits for a line; None for one that can't tell."""

    def is_waiting(self) -> bool:
        """Of one that can't tell: whether it has read all and does nothing now, as far as can be known."""

    async def wait(self) -> Exit:
        """Its end. From then on `stdout` and `stderr` hold what it had written until then, and end after that."""

    def terminate(self) -> None:
        """Ask it to end; it may take its time, or ignore it. Nothing happens after its end."""

    def kill(self) -> None:
        """End it now, with all that it has started and that can be found."""

    def close(self) -> None:
        """Give back what it holds here. One that still runs is killed."""
