"""One unit that somebody wants to have written, and the way of its answer back to them."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import Error as StoreError


class StoreUnavailable(Exception):
    """The store can't be written to, or not in time. What was to be recorded must not happen."""


class Job:
    """`unit` is run by the writer; its value, or what it raised, is the answer.

    Whoever claims it first decides: the writer, that it answers, or who waits, that nobody waits any more."""

    __slots__ = ("_claimed", "error", "made_at", "undo", "unit", "value")

    def __init__(self, unit: Callable[[], Any], undo: Callable[[Any], object] | None = None) -> None:
        self.unit = unit
        self.undo = undo
        self.value: Any = None
        self.error: Exception | None = None
        self.made_at = time.monotonic()
        self._claimed = threading.Lock()

    def claim(self) -> bool:
        return self._claimed.acquire(blocking=False)

    def settle(self, value: Any, error: Exception | None) -> bool:
        """What the writer does; False: nobody waits any more."""
        if isinstance(error, StoreError):
            unavailable = StoreUnavailable(str(error))
            unavailable.__cause__ = error
            error = unavailable
        self.value, self.error = value, error
        return self.claim()


class AsyncJob(Job):
    """Somebody waits for it in an event loop."""

    __slots__ = ("_future", "loop")

    def __init__(self, unit: Callable[[], Any], undo: Callable[[Any], object] | None) -> None:
        super().__init__(unit, undo)
        self.loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self.loop.create_future()

    async def wait(self, seconds: float) -> Any:
        """The answer. Raises TimeoutError."""
        timer = self.loop.call_later(seconds, self._expire)
        try:
            await self._future
        finally:
            timer.cancel()
        if self.error is not None:
            raise self.error
        return self.value

    def wake(self) -> None:
        """In the loop: the answer is there."""
        if not self._future.done():
            self._future.set_result(None)

    def _expire(self) -> None:
        if not self._future.done():
            self._future.set_exception(TimeoutError())


class BlockingJob(Job):
    """A thread waits for it."""

    __slots__ = ("_ready",)

    def __init__(self, unit: Callable[[], Any], undo: Callable[[Any], object] | None) -> None:
        super().__init__(unit, undo)
        self._ready = threading.Event()

    def wait(self, seconds: float) -> Any:
        """The answer. Raises TimeoutError."""
        if not self._ready.wait(seconds):
            raise TimeoutError
        if self.error is not None:
            raise self.error
        return self.value

    def wake(self) -> None:
        self._ready.set()
