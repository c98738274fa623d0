"""Records one execution while it runs: what goes in and out, in batches, by the audit's writer."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from django.db import connection
from django.utils import timezone

from commands import audit
from commands.attempt import Accepted
from commands.models import TranscriptChunk
from commands.transcript.chunk import INPUT, Chunk
from commands.transcript.digest import Digest
from commands.transcript.lines import Lines, Piece
from commands.transcript.redaction import Patterns

logger = logging.getLogger(__name__)

# So that a dialogue is on record half a second later, and a flood costs a commit for each 64 KiB and no more.
FLUSH_SECONDS = 0.5
BATCH = 64 * 1024
# What may wait in memory while as much is being stored; then the execution waits, too.
WAITING = 256 * 1024
# What comes within so long is one chunk: nobody sees the difference, and a program may write byte by byte.
JOINED_MICROSECONDS = 5_000
# How often the store is tried again before the execution is ended: it must not go on without its record.
PAUSES = (0.2, 1.0)
# Redaction of more than this is done in a thread: it would hold up all connections of the server.
IN_LOOP = 8 * 1024


def start_recording(accepted: Accepted, lost: Callable[[], None]) -> "Recorder | None":
    """None for a verb without a transcript. `lost` is called when it can't be recorded any more."""
    return None if accepted.verb.transcript == "none" else Recorder(accepted, lost)


class Recorder:
    """Whoever feeds it awaits `room` before, and `finish` at the end. All in one event loop."""

    def __init__(self, accepted: Accepted, lost: Callable[[], None]) -> None:
        self.is_lost = False
        self._accepted = accepted
        self._lost = lost
        self._is_full = accepted.verb.transcript == "full"
        self._started = timezone.now() - timedelta(seconds=time.monotonic() - accepted.started)
        secrets = accepted.match.secrets
        patterns = Patterns(accepted.verb.redactions, secrets)
        self._lines = Lines(patterns) if self._is_full and patterns else None
        self._pending: list[Piece] = []
        self._waiting = 0  # bytes of it
        self._batch_is_full = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._flushing: asyncio.Task[None] | None = None
        self._finishing = False
        self._sequence = 0
        self._digest = Digest()
        if secrets and accepted.verb.kind == "program":  # which it has been given as the first lines of its input
            self._pending.append(Piece(self._now(), INPUT, sum(len(secret) + 1 for secret in secrets), None))

    @property
    def has_room(self) -> bool:
        """Whether there is room for 64 KiB more, or nothing is recorded any more."""
        return self.is_lost or self._has_room.is_set()

    async def room(self) -> None:
        """Return when there is."""
        while not self.has_room:
            await self._has_room.wait()

    def put(self, stream: str, data: bytes) -> None:
        """Record that this went by now. (Whoever is to watch executions live has to be told here.)"""
        if self.is_lost or not data:
            return
        self._append(Piece(self._now(), stream, len(data), data if self._is_full else None))
        self._waiting += len(data)
        if self._waiting >= BATCH:
            self._batch_is_full.set()
        if self._waiting >= WAITING:
            self._has_room.clear()
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush_all())

    async def finish(self) -> bytes | None:
        """Record what is left, and return the digest of all that is recorded; None if that is not known."""
        self._finishing = True
        self._batch_is_full.set()
        if self._flushing is not None:
            await self._flushing
        await self._flush_safely()
        return None if self.is_lost else self._digest.value()

    def _now(self) -> int:
        return int((time.monotonic() - self._accepted.started) * 1_000_000)

    def _append(self, piece: Piece) -> None:
        last = self._pending[-1] if self._pending else None
        if last is None or not _are_one(last, piece):
            self._pending.append(piece)
            return
        last.size += piece.size
        if last.data is not None and piece.data is not None:
            last.data += piece.data

    async def _flush_all(self) -> None:
        while self._pending and not self.is_lost:
            try:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._batch_is_full.wait()
            except TimeoutError:
                pass
            await self._flush_safely()
        self._flushing = None

    async def _flush_safely(self) -> None:
        try:
            if not self.is_lost:
                await self._flush()
        except Exception:
            logger.exception("Not recorded: transcript of execution %s", self._accepted.execution_id)
            self.is_lost = True
            self._pending.clear()
            self._has_room.set()
            self._lost()

    async def _flush(self) -> None:
        size, pieces, last = self._waiting, self._pending, self._finishing
        self._pending, self._waiting = [], 0
        self._has_room.set()  # what comes while these are stored
        if not last:
            self._batch_is_full.clear()
        if self._lines is None:
            recordable = pieces
        elif size > IN_LOOP:
            recordable = await asyncio.to_thread(_redacted, self._lines, pieces, last)
        else:
            recordable = _redacted(self._lines, pieces, last)
        if recordable:
            await self._store([self._chunk(piece) for piece in _joined(recordable)])

    def _chunk(self, piece: Piece) -> Chunk:
        self._sequence += 1
        return Chunk(self._sequence, piece.offset, piece.stream, piece.size, piece.data)

    async def _store(self, chunks: Sequence[Chunk]) -> None:
        unit = self._insert
        for pause in (*PAUSES, None):
            try:
                await audit.writer.submit(partial(unit, chunks))
                break
            except audit.StoreUnavailable:
                if pause is None:
                    raise
                unit = self._insert_again
                await asyncio.sleep(pause)
        for chunk in chunks:
            self._digest.add(chunk)

    def _insert(self, chunks: Sequence[Chunk]) -> None:
        """A unit of the writer. It may be run twice, so the rows are made in it: they get their keys here."""
        execution_id, started = self._accepted.execution_id, self._started
        TranscriptChunk.objects.bulk_create(
            TranscriptChunk(
                execution_id=execution_id,
                sequence=chunk.sequence,
                at=started + timedelta(microseconds=chunk.offset),
                offset=chunk.offset,
                stream=chunk.stream,
                size=chunk.size,
                data=chunk.data,
            )
            for chunk in chunks
        )
        connection.queries_log.clear()  # where DEBUG is on, it would keep the last 9000 statements with their data

    def _insert_again(self, chunks: Sequence[Chunk]) -> None:
        """A unit of the writer, when an earlier one has failed, or was not answered in time and came through since."""
        known = TranscriptChunk.objects.filter(execution_id=self._accepted.execution_id, sequence=chunks[0].sequence)
        if not known.exists():
            self._insert(chunks)


def _redacted(lines: Lines, pieces: list[Piece], last: bool) -> list[Piece]:
    recordable = lines.feed(pieces)
    return recordable + lines.finish() if last else recordable


def _are_one(first: Piece, second: Piece) -> bool:
    return (
        first.stream == second.stream
        and 0 <= second.offset - first.offset < JOINED_MICROSECONDS
        and (first.data is None) == (second.data is None)
        and first.size + second.size <= BATCH
    )


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Redaction has cut some of them at the ends of lines."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and _are_one(joined[-1], piece):
            joined[-1].size += piece.size
            joined[-1].data = None if piece.data is None else (joined[-1].data or b"") + piece.data
        else:
            joined.append(piece)
    return joined
