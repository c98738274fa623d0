"""When to show which chunk, and as what. Pure."""

from collections.abc import Iterable, Iterator

from commands.audit_text import visible
from commands.transcript.chunk import Chunk


def timed(
    chunks: Iterable[Chunk], *, speed: float = 1, max_pause: float | None = None
) -> Iterator[tuple[float, Chunk]]:
    """Each chunk with the seconds to wait before it. Pauses are cut to `max_pause` seconds, of the recorded time."""
    before = 0
    for chunk in chunks:
        pause = max(0, chunk.offset - before) / 1_000_000  # a line that was held back long comes late
        before = max(before, chunk.offset)
        yield (pause if max_pause is None else min(pause, max_pause)) / speed, chunk


def amount(size: int) -> str:
    return f"{size} byte" if size == 1 else f"{size} bytes"


def title(username: str, verb: str, arguments: str) -> str:
    """As the record has them, which is visible already; a map that was written past the models need not be."""
    text = f"{username}: {verb} {arguments}".rstrip()
    return text if text.isprintable() else visible(text)
