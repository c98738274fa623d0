"""The digest of a transcript, which its execution's exit event has. Pure."""

import hashlib
import struct
from collections.abc import Iterable
from typing import Protocol

_HEAD = struct.Struct("!QQ1sQq")  # sequence, offset, stream, size, length of the data; -1: there is none


class ChunkLike(Protocol):
    """A Chunk, or a row of the model."""

    @property
    def sequence(self) -> int: ...

    @property
    def offset(self) -> int: ...

    @property
    def stream(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def data(self) -> bytes | memoryview | None: ...


class Digest:
    """SHA-256 of a transcript, chunk by chunk: each field of fixed or told length, so that no two read the same."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, chunk: ChunkLike) -> None:
        length = -1 if chunk.data is None else len(chunk.data)
        self._hash.update(_HEAD.pack(chunk.sequence, chunk.offset, chunk.stream.encode("ascii"), chunk.size, length))
        if chunk.data:
            self._hash.update(chunk.data)

    def value(self) -> bytes:
        """Of what was added so far."""
        return self._hash.digest()


def digest(chunks: Iterable[ChunkLike]) -> bytes:
    """What the exit event of an execution has as `transcript_digest`, if these are its chunks, in their order."""
    whole = Digest()
    for chunk in chunks:
        whole.add(chunk)
    return whole.value()
