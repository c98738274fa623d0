"""Holds back what has been recorded until its line is whole, so that a secret in two pieces is found all the same."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from commands.transcript.redaction import MARK, Patterns, Span

HELD = 64 * 1024
"""Bytes of one stream that are held back for the end of their line; a longer line is redacted in parts."""
OVERLAP = 4 * 1024
"""What two parts of such a line have in common: a longer secret that lies across their border is not found."""


@dataclass(slots=True, eq=False)
class Piece:
    """What went by at one moment. `data` None: nothing of it is recorded."""

    offset: int
    stream: str
    size: int
    data: bytes | None
    is_whole: bool = False  # its lines are complete, and redacted


class Lines:
    """Takes pieces of all streams and gives them back redacted, in their order."""

    def __init__(self, patterns: Patterns) -> None:
        self._patterns = patterns
        self._queue: deque[Piece] = deque()
        self._open: dict[str, list[Piece]] = {}  # by stream, what belongs to a line that has not ended
        self._held: dict[str, int] = {}  # bytes of it, counted here since it may be many pieces
        self._swallowing: set[str] = set()  # streams whose line is redacted up to its end

    def feed(self, pieces: Iterable[Piece]) -> list[Piece]:
        """Those that may be recorded now."""
        for piece in pieces:
            self._add(piece)
        return self._take()

    def finish(self) -> list[Piece]:
        """The rest: no more will come."""
        for held in self._open.values():
            self._redact(held)
        self._open.clear()
        self._held.clear()
        return self._take()

    def _add(self, piece: Piece) -> None:
        if piece.data is None:
            piece.is_whole = True
            self._queue.append(piece)
            return
        ended, newline, rest = piece.data.rpartition(b"\n")
        ended += newline
        if ended:
            self._add_lines(Piece(piece.offset, piece.stream, len(ended), ended))
        if rest:
            self._add_part(Piece(piece.offset, piece.stream, len(rest), rest))

    def _add_lines(self, piece: Piece) -> None:
        if piece.stream in self._swallowing:
            self._swallowing.remove(piece.stream)
            _, _, piece.data = (piece.data or b"").partition(b"\n")
            piece.data = b"\n" + piece.data
        self._queue.append(piece)
        self._held.pop(piece.stream, None)
        self._redact([*self._open.pop(piece.stream, ()), piece])

    def _add_part(self, piece: Piece) -> None:
        self._queue.append(piece)
        if piece.stream in self._swallowing:
            piece.data, piece.is_whole = b"", True
            return
        self._open.setdefault(piece.stream, []).append(piece)
        self._held[piece.stream] = self._held.get(piece.stream, 0) + piece.size
        if self._held[piece.stream] > HELD:
            self._redact_part(piece.stream)

    def _redact_part(self, stream: str) -> None:
        """All of a line that is too long but for its end, which may be the beginning of a secret."""
        held = self._open.pop(stream)
        size = self._held.pop(stream)
        text = _text(held)
        spans = self._patterns.spans(text)
        if spans and spans[-1][1] == len(text):  # more of the same may come
            self._swallowing.add(stream)
            _apply(held, text, spans)
            return
        cut = max(len(text) - OVERLAP, spans[-1][1] if spans else 0)
        done, rest = self._split(held, cut)
        _apply(done, text[:cut], spans)
        self._open[stream], self._held[stream] = rest, size - cut

    def _split(self, held: list[Piece], cut: int) -> tuple[list[Piece], list[Piece]]:
        """The pieces before and after this place of their text; the one that it is in becomes two, in the queue too."""
        done: list[Piece] = []
        for number, piece in enumerate(held):
            data = piece.data or b""
            if cut <= 0:
                return done, held[number:]
            if cut < len(data):
                first = Piece(piece.offset, piece.stream, cut, data[:cut])
                piece.size, piece.data = len(data) - cut, data[cut:]
                self._queue.insert(self._queue.index(piece), first)
                return [*done, first], held[number:]
            done.append(piece)
            cut -= len(data)
        return done, []

    def _redact(self, pieces: list[Piece]) -> None:
        text = _text(pieces)
        _apply(pieces, text, self._patterns.spans(text))

    def _take(self) -> list[Piece]:
        taken: list[Piece] = []
        while self._queue and self._queue[0].is_whole:
            taken.append(self._queue.popleft())
        if sum(piece.size for piece in self._queue) > 2 * HELD:
            # One stream's line does not end while another's go on: rather out of order than without a bound.
            taken += [piece for piece in self._queue if piece.is_whole]
            self._queue = deque(piece for piece in self._queue if not piece.is_whole)
        return taken


def _text(pieces: Iterable[Piece]) -> bytes:
    return b"".join(piece.data or b"" for piece in pieces)


def _apply(pieces: list[Piece], text: bytes, spans: list[Span]) -> None:
    """Give each piece what is left of its part of the text; the mark goes where a span begins."""
    place, number = 0, 0
    for piece in pieces:
        end = place + len(piece.data or b"")
        kept: list[bytes] = []
        at = place
        while number < len(spans) and spans[number][0] < end:
            low, high = spans[number]
            if low >= place:
                kept += (text[at:low], MARK)
            at = min(high, end)
            if high > end:
                break  # it goes on in the next piece
            number += 1
        kept.append(text[at:end])
        piece.data, piece.is_whole = b"".join(kept), True
        place = end
