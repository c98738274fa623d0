"""What a client has sent to one execution, on its way there."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ITEM = 128
"""What one that waits takes beside its octets, about: a client may send empty ones without end."""

WAITING = 64 * 1024 + ITEM
"""One FEED of the largest size leaves room for the next."""


@dataclass(eq=False, slots=True)
class _Item:
    value: Any
    octets: int
    is_line: bool = False


class Incoming:
    """Waits under one tag to be taken; over WAITING octets of it the client is read no further.

    Lines of a dialogue, FEEDs, or octets of a message: which of them, the form knows that takes them."""

    def __init__(self, changed: Callable[[], None], refused: Callable[[], None]) -> None:
        """`changed`: full() has become false. `refused`: a line has come where none is wanted."""
        self._items: deque[_Item] = deque()
        self._octets = 0
        self._arrived: asyncio.Future[None] | None = None
        self._take: Callable[[Any], bool] | None = None
        self._changed = changed
        self._refused = refused
        self._refuses_lines = False

    @property
    def full(self) -> bool:
        return self._octets > WAITING

    def put_line(self, line: bytes) -> None:
        if self._refuses_lines:
            self._refused()
        else:
            self._add(line, len(line) + 2, is_line=True)

    def put(self, item: Any, octets: int) -> None:
        self._add(item, octets)

    def _add(self, value: Any, octets: int, *, is_line: bool = False) -> None:
        arrived = self._arrived
        if arrived is not None and not arrived.done():
            # Somebody waits: nothing that came before is still on its way.
            if self._take is not None and self._take(value):
                return
            arrived.set_result(None)
        self._items.append(_Item(value, octets + ITEM, is_line))
        self._octets += octets + ITEM

    async def next(self, take: Callable[[Any], bool] | None = None) -> Any:
        self._take = take
        while not self._items:
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        item = self._items.popleft()
        self._leave(item.octets)
        return item.value

    def put_back(self, item: Any) -> None:
        """Let what could not be used be the next one again."""
        self._items.appendleft(_Item(item, 0))

    def rest(self) -> list[Any]:
        """Take all that waits."""
        values = [item.value for item in self._items]
        self._items.clear()
        self._leave(self._octets)
        return values

    def refuse_lines(self) -> None:
        self._refuses_lines = True
        lines = [item for item in self._items if item.is_line]
        for line in lines:
            self._items.remove(line)
            self._refused()
        self._leave(sum(line.octets for line in lines))

    def _leave(self, octets: int) -> None:
        was_full = self.full
        self._octets -= octets
        if was_full and not self.full:
            self._changed()
