"""What goes in and out of one execution, on its way to those who watch it.

Whatever happens on that way, the execution goes on as if nobody watched: what does not fit is left out, and counted.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer

from commands.attempt import Accepted, End
from commands.live.veil import Veil
from commands.outcome import Outcome
from commands.transcript.lines import Piece
from commands.transcript.redaction import Patterns

logger = logging.getLogger(__name__)

WAITING = 64 * 1024
"""Bytes that may wait to be sent."""

MESSAGE = 16 * 1024
"""Bytes of one message: a layer keeps a number of them for each watcher, and is not made for large ones."""

PAUSE_SECONDS = 0.05
"""What comes within so long is sent together: a program may write byte by byte, and nobody sees the difference."""

JOINED_MICROSECONDS = 5_000
"""What comes within so long is one piece, as in a transcript."""

SEND_SECONDS = 2.0
"""For the layer to take a message."""

IN_LOOP = 8 * 1024
"""Redaction of more than this is done in a thread: it would hold up all connections of the server."""

_ending: set[asyncio.Task[None]] = set()
"""Those that send the rest, when their execution has ended."""


class Tap:
    """Of one event loop; ends with `finish` or `close`. It sends to whom `show_to` names."""

    def __init__(self, accepted: Accepted) -> None:
        """Raises re2.error for redactions that are no expressions: nothing may be shown without them."""
        self._channels: frozenset[str] = frozenset()
        self._new: frozenset[str] = frozenset()
        """Those that have not been told yet that it begins."""
        self._accepted = accepted
        patterns = Patterns(accepted.verb.redactions, accepted.match.secrets)
        self._veil = Veil(patterns) if patterns else None
        self._layer = get_channel_layer()
        self._waiting: list[Piece] = []
        self._size = 0  # of the data in it
        self._left_out: dict[str, Piece] = {}  # by stream, what did not fit any more
        self._something = asyncio.Event()
        self._end: Mapping[str, Any] | None = None
        self._skipped: Counter[str] = Counter()  # by channel
        self._is_away = False
        self._task = asyncio.get_running_loop().create_task(self._send_all())

    def show_to(self, channels: frozenset[str]) -> None:
        """To these from now on, and to no other."""
        self._new = (self._new | (channels - self._channels)) & channels
        self._channels = channels
        if self._new:
            self._something.set()

    def put(self, stream: str, data: bytes) -> None:
        """This goes by now."""
        offset = int((time.monotonic() - self._accepted.started) * 1_000_000)
        fits = data[: WAITING - self._size]
        if fits:
            self._size += len(fits)
            self._append(Piece(offset, stream, len(fits), fits))
        if len(fits) < len(data):
            self._leave_out(Piece(offset, stream, len(data) - len(fits), None))
        self._something.set()

    def close(self) -> None:
        """Nobody watches any more."""
        self._task.cancel()

    def finish(self, end: End | None) -> None:
        """Send what is left, and how it came out, in a task that nobody waits for. None: that is not known."""
        outcome, code, reason = (end.outcome, end.code, end.reason) if end else (Outcome.ERROR, None, "")
        self._end = {"outcome": str(outcome), "code": code, "reason": reason}
        self._something.set()
        _ending.add(self._task)
        self._task.add_done_callback(_ending.discard)

    def _append(self, piece: Piece) -> None:
        last = self._waiting[-1] if self._waiting else None
        if last is not None and _are_one(last, piece):
            _join(last, piece)
        else:
            self._waiting.append(piece)

    def _leave_out(self, piece: Piece) -> None:
        if piece.stream in self._left_out:
            self._left_out[piece.stream].size += piece.size
        else:
            self._left_out[piece.stream] = piece
            self._waiting.append(piece)

    # Its task

    async def _send_all(self) -> None:
        try:
            while self._end is None or self._waiting:
                await self._something.wait()
                self._something.clear()
                await self._begin()
                if self._end is None:
                    await asyncio.sleep(PAUSE_SECONDS)
                await self._send_pieces(await self._redacted(self._take()))
            if self._veil is not None:
                await self._send_pieces(self._veil.finish())
            await self._send({"type": "execution.ended", **self._end})
        except Exception:  # an edge: it is a view of the execution and nothing more
            logger.exception("Execution %s is not shown any more", self._accepted.execution_id)

    async def _begin(self) -> None:
        new, self._new = self._new, frozenset()
        for channel in new:
            await self._send_to(channel, {"type": "execution.shown"})

    def _take(self) -> list[Piece]:
        taken, self._waiting, self._size = self._waiting, [], 0
        self._left_out.clear()
        return taken

    async def _redacted(self, pieces: list[Piece]) -> list[Piece]:
        if self._veil is None:
            return pieces
        if sum(len(piece.data or b"") for piece in pieces) > IN_LOOP:
            return await asyncio.to_thread(self._veil.feed, pieces)
        return self._veil.feed(pieces)

    async def _send_pieces(self, pieces: list[Piece]) -> None:
        for piece in _messages(pieces):
            if piece.data is None:
                self._skipped.update(dict.fromkeys(self._channels, piece.size))
            else:
                await self._send_piece(self._channels, piece.offset, piece.stream, piece.data)
        if pieces:
            unaware = frozenset(channel for channel in self._channels if self._skipped[channel])
            await self._send_piece(unaware, pieces[-1].offset, pieces[-1].stream, b"")

    async def _send_piece(self, channels: Iterable[str], offset: int, stream: str, data: bytes) -> None:
        message = {"type": "execution.piece", "offset": offset, "stream": stream, "data": data}
        for channel in channels:
            if await self._send_to(channel, {**message, "skipped": self._skipped[channel]}):
                self._skipped[channel] = 0
            else:
                self._skipped[channel] += len(data)

    async def _send(self, message: Mapping[str, Any]) -> None:
        for channel in self._channels:
            await self._send_to(channel, message)

    async def _send_to(self, channel: str, message: Mapping[str, Any]) -> bool:
        if self._layer is None:
            return False
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._layer.send(channel, {**message, "execution_id": str(self._accepted.execution_id)})
        except ChannelFull:  # whoever watches does not keep up
            return False
        except Exception as error:  # each layer has its own
            if not self._is_away:
                logger.warning("The channel layer does not take what is watched: %s", error or type(error).__name__)
            self._is_away = True
            return False
        self._is_away = False
        return True


def _are_one(first: Piece, second: Piece) -> bool:
    return (
        first.stream == second.stream
        and first.data is not None
        and second.data is not None
        and 0 <= second.offset - first.offset < JOINED_MICROSECONDS
        and len(first.data) + len(second.data) <= MESSAGE
    )


def _join(first: Piece, second: Piece) -> None:
    first.size += second.size
    first.data = (first.data or b"") + (second.data or b"")


def _messages(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """As large as messages may be, where they can be: redaction has cut them at the ends of lines."""
    whole: Piece | None = None
    for piece in pieces:
        for part in _parts(piece):
            if whole is not None and _are_one(whole, part):
                _join(whole, part)
                continue
            if whole is not None:
                yield whole
            whole = part
    if whole is not None:
        yield whole


def _parts(piece: Piece) -> Iterator[Piece]:
    data = piece.data
    if data is None or len(data) <= MESSAGE:
        yield piece
        return
    for start in range(0, len(data), MESSAGE):
        part = data[start : start + MESSAGE]
        yield Piece(piece.offset, piece.stream, len(part), part)
