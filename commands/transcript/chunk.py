"""One piece of a transcript. Pure."""

from typing import NamedTuple

INPUT, OUTPUT, ERROR = "i", "o", "e"


class Chunk(NamedTuple):
    """`offset`: microseconds since the accept; `size`: bytes that went by; `data`: what of them is recorded, if any."""

    sequence: int
    offset: int
    stream: str
    size: int
    data: bytes | None
