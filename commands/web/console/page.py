"""The terminal of a page as the server sees it: what it is sent, as it shows it, and what is typed there."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

Tell = Callable[..., Awaitable[None]]
"""Sends a JSON object, given by its keys; `say` is its kind. Kinds:

    ready                                    it may ask for something to run
    runs: verb, takes_input                  what is typed goes to it, if it takes any
    message                                  what is typed up to an end is the verb's message
    asks: label                              a secret is wanted, in one `input` and without its line end
    output: stream, text, size               to be answered by `shown` with the size, when it is on the screen
    taken                                    of an `input`: the next one may come
    note: text, tone, links                  of the server's own; tone: good, bad or neither"""

WINDOW = 128 * 1024
"""Characters on their way to the screen: a slow browser holds the program up, and fills no memory here or there."""

PIECE = 16 * 1024

TYPED = 128 * 1024
"""Bytes that may wait for what reads them. A page of ours sends no more than one piece before it is taken."""


class Window:
    """How much may be sent that is not shown yet."""

    def __init__(self, size: int = WINDOW) -> None:
        self._size = size
        self._on_its_way = 0
        self._room = asyncio.Event()
        self._room.set()

    async def room(self) -> None:
        await self._room.wait()

    def sent(self, size: int) -> None:
        self._on_its_way += size
        if self._on_its_way >= self._size:
            self._room.clear()

    def shown(self, size: int) -> None:
        """Raises ValueError if so much was not sent."""
        if not 0 <= size <= self._on_its_way:
            raise ValueError("more was shown than was sent")
        self._on_its_way -= size
        if self._on_its_way < self._size:
            self._room.set()


class Typed:
    """What was typed and is not read yet. One task reads at a time."""

    def __init__(self) -> None:
        self._pieces: deque[bytes | None] = deque()
        self._size = 0
        self._some = asyncio.Event()

    def put(self, text: str | None) -> None:
        """None: the end. Raises ValueError if it is no text, or too much of it waits."""
        piece = None if text is None else text.encode()
        self._size += len(piece or b"") + 1  # ends and empty pieces count too
        if self._size > TYPED:
            raise ValueError("too much is typed ahead")
        self._pieces.append(piece)
        self._some.set()

    async def next(self) -> bytes | None:
        while not self._pieces:
            self._some.clear()
            await self._some.wait()
        piece = self._pieces.popleft()
        self._size -= len(piece or b"") + 1
        return piece

    def clear(self) -> None:
        self._pieces.clear()
        self._size = 0


class Page:
    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.window = Window()
        self.typed = Typed()

    async def show(self, stream: str, text: str) -> None:
        """Send text, in which nothing moves a cursor; return when all of it is on its way."""
        for start in range(0, len(text), PIECE):
            piece = text[start : start + PIECE]
            await self.window.room()
            self.window.sent(len(piece))
            await self.tell(say="output", stream=stream, text=piece, size=len(piece))

    async def note(self, text: str, tone: str = "", links: Sequence[tuple[str, str]] = ()) -> None:
        """Say something of the server's own. `links`: text and address of each."""
        await self.tell(say="note", text=text, tone=tone, links=links)
