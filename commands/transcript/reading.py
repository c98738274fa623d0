"""Reading what was recorded of an execution, in bounded memory however long it is."""

import uuid
from collections.abc import Iterator

from django.db.models import BigIntegerField, Case, F, QuerySet, When

from commands.models import TranscriptChunk
from commands.transcript.chunk import Chunk

AT_ONCE = 512  # chunks
BYTES_AT_ONCE = 512 * 1024


def read_chunks(execution_id: uuid.UUID, after: int = 0) -> Iterator[Chunk]:
    """The chunks behind the one with this sequence number, in their order."""
    while page := read_page(execution_id, after):
        yield from page
        after = page[-1].sequence


def read_page(execution_id: uuid.UUID, after: int, limit: int = AT_ONCE) -> list[Chunk]:
    """As `read_chunks`, but no more than `limit` and, past the first one, BYTES_AT_ONCE; empty: none are behind it."""
    rows = _of(execution_id).filter(sequence__gt=after).order_by("sequence")
    until = _fitting(rows, limit)
    if until is None:
        return []
    fields = ("sequence", "offset", "stream", "size", "data")
    return [
        Chunk(sequence, offset, stream, size, None if data is None else bytes(data))
        for sequence, offset, stream, size, data in rows.filter(sequence__lte=until).values_list(*fields)
    ]


def context_before(execution_id: uuid.UUID, sequence: int) -> int:
    """The chunk behind which to begin, to show what stands before this one: as much as a page."""
    rows = _of(execution_id).filter(sequence__lte=sequence).order_by("-sequence")
    first = _fitting(rows, AT_ONCE)
    return 0 if first is None else first - 1


def _fitting(rows: QuerySet[TranscriptChunk], limit: int) -> int | None:
    """The sequence number of the last one that fits with those before it; the first always does."""
    recorded = Case(When(data__isnull=True, then=0), default=F("size"), output_field=BigIntegerField())
    last, total = None, 0
    for sequence, size in rows.annotate(recorded=recorded).values_list("sequence", "recorded")[:limit]:
        total += size
        if last is not None and total > BYTES_AT_ONCE:
            break
        last = sequence
    return last


def last_sequence(execution_id: uuid.UUID) -> int:
    """0 if nothing is recorded."""
    last = _of(execution_id).order_by("-sequence").values_list("sequence", flat=True).first()
    return last or 0


def offset_at(execution_id: uuid.UUID, sequence: int) -> int:
    """When the first chunk from this one on went by; 0 behind the last."""
    rows = _of(execution_id).filter(sequence__gte=sequence).order_by("sequence")
    return rows.values_list("offset", flat=True).first() or 0


def sequence_before(execution_id: uuid.UUID, offset: int) -> int:
    """The last chunk that went by before this time, 0 if none did: by halves, since times have no index."""
    low, high = 0, last_sequence(execution_id)
    while low < high:
        middle = (low + high + 1) // 2
        if offset_at(execution_id, middle) < offset:
            low = middle
        else:
            high = middle - 1
    return low


def _of(execution_id: uuid.UUID) -> QuerySet[TranscriptChunk]:
    return TranscriptChunk.objects.filter(execution_id=execution_id)
