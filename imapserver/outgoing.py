"""What goes to the client: the engine's responses as they come, and between two of them IMAPX's own."""

import asyncio
from collections.abc import Callable


class Outgoing:
    """The writing half of one client's connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._between = True
        self._held: list[bytes] | None = None
        self._own: list[tuple[bytes, Callable[[], None] | None]] = []
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = False

    def use(self, transport: asyncio.Transport) -> None:
        """Write there from now on: the connection is encrypted."""
        self._transport = transport

    def pass_on(self, data: bytes, boundary: int) -> None:
        """Send octets of the engine's; a response ends at offset `boundary` (0: none does)."""
        if not self._own:
            self._write(data)
        else:
            if boundary:
                self._write(data[:boundary])
                self._flush()
            self._write(data[boundary:])
        self._between = boundary == len(data)

    def put(self, data: bytes, written: Callable[[], None] | None = None) -> None:
        """Send whole responses of IMAPX's at the next place between two; call `written` in the same step."""
        self._own.append((data, written))
        if self._between:
            self._flush()

    def write_now(self, data: bytes) -> bool:
        """As write(), if that need not wait. False: nothing was sent."""
        if self._own or not self._between or not self._writable.is_set() or self._lost:
            return False
        self._write(data)
        return True

    async def write(self, data: bytes, written: Callable[[], None] | None = None) -> None:
        """As put(), and return when the client can take more. Raises ConnectionResetError once it is gone."""
        if not self._writable.is_set():
            await self._writable.wait()
        if self._lost:
            raise ConnectionResetError("the client is gone")
        self.put(data, written)
        if self._own:
            # The engine is in the middle of a response; to queue more meanwhile would know no bound.
            place = asyncio.Event()
            self._own.append((b"", place.set))
            await place.wait()
        await self._writable.wait()
        if self._lost:
            raise ConnectionResetError("the client is gone")

    def _flush(self) -> None:
        own, self._own = self._own, []
        for data, written in own:
            self._write(data)
            if written is not None:
                written()

    def hold(self) -> None:
        """Join what goes out until `release`, in the same step: each write wakes the client."""
        self._held = []

    def release(self) -> None:
        held, self._held = self._held, None
        if held:
            self._transport.write(b"".join(held))

    def _write(self, data: bytes) -> None:
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def pause(self) -> None:
        self._writable.clear()

    def resume(self) -> None:
        self._writable.set()

    def lose(self) -> None:
        """The client is gone: whoever waits to write gets ConnectionResetError."""
        self._lost = True
        self._writable.set()
        own, self._own = self._own, []
        for _, written in own:
            if written is not None:
                written()

    @property
    def between(self) -> bool:
        return self._between
