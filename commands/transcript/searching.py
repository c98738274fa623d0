"""Finds text in a transcript, a part of it at a time."""

import codecs
import uuid
from typing import NamedTuple

from commands.transcript.reading import read_page

MATCHES = 500
PAGES = 16  # of 512 KiB at most: what one request may cost


class Found(NamedTuple):
    matches: list[tuple[int, int]]
    """Sequence number and offset of each chunk in which a match ends."""
    next: int | None
    """Behind which chunk to go on; None: the rest has been searched. The last chunk of this part is searched again, so
    that a match across the border is found: it may be among the matches of both."""


def find_text(execution_id: uuid.UUID, wanted: str, after: int = 0) -> Found:
    """Look for `wanted`, whatever its case, from the chunk behind `after` on: in each stream, across its chunks."""
    wanted = wanted.casefold()
    streams: dict[str, _Stream] = {}
    found: list[tuple[int, int]] = []
    for _ in range(PAGES):
        page = read_page(execution_id, after)
        if not page:
            return Found(found, None)
        for chunk in page:
            if chunk.data is not None and streams.setdefault(chunk.stream, _Stream(wanted)).has(chunk.data):
                found.append((chunk.sequence, chunk.offset))
        after = page[-1].sequence
        if len(found) >= MATCHES:
            break
    return Found(found, after - 1)


class _Stream:
    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._tail = ""

    def has(self, data: bytes) -> bool:
        """Whether a match ends in this data."""
        text = self._tail + self._decode(data).casefold()
        keep = len(self._wanted) - 1
        self._tail = text[-keep:] if keep else ""
        return self._wanted in text
