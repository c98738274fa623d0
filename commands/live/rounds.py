"""Something that is done again and again, as long as there is something to do it for."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Rounds:
    """On one loop at a time. Its timer is started by `wake`, and stops by itself."""

    def __init__(
        self,
        seconds: float,
        is_needed: Callable[[], bool],
        look: Callable[[], Coroutine[Any, Any, None]],
        before: Callable[[], None] | None = None,
    ) -> None:
        """`look` is done every so many seconds, `before` always before it, also while one look still waits for its
        answer: then there is no second one."""
        self._seconds = seconds
        self._is_needed = is_needed
        self._look = look
        self._before = before
        self._loop: asyncio.AbstractEventLoop | None = None
        """The one that has a timer for the next look."""
        self._looking: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """To be called when it has come to be needed; it may be called more often."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._wait(loop)

    async def settle(self) -> None:
        """Return when no look is under way."""
        if self._looking is not None and not self._looking.done():
            await self._looking

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(self._seconds, self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:
            return
        if not self._is_needed():
            # Not at the end of the last one: to start and stop a timer costs each short execution more than all else.
            self._loop = None
            return
        # The next is due from here on, however long this one takes; one that still waits for its answer is enough.
        self._wait(loop)
        if self._before is not None:
            self._before()
        if self._looking is None or self._looking.done():
            self._looking = loop.create_task(self._look())
