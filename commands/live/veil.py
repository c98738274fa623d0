"""Redaction of what is watched: as the transcript's, and right too where something in between was left out. Pure."""

from collections.abc import Iterable, Iterator

from commands.transcript.chunk import ERROR, INPUT, OUTPUT
from commands.transcript.lines import Lines, Piece
from commands.transcript.redaction import Patterns


class Veil:
    """Takes pieces and gives them back redacted; one without data stands for bytes that are left out."""

    def __init__(self, patterns: Patterns) -> None:
        self._patterns = patterns
        self._break()

    def _break(self) -> None:
        self._lines = Lines(self._patterns)
        self._held = 0
        # Of a line whose beginning nobody has seen the rest is left out: the end of a secret does not look like one.
        self._broken = {INPUT, OUTPUT, ERROR}

    def feed(self, pieces: Iterable[Piece]) -> list[Piece]:
        """Those that may be shown now."""
        return [shown for piece in pieces for shown in self._feed(piece)]

    def finish(self) -> list[Piece]:
        """The rest: no more will come."""
        return self._lines.finish()

    def _feed(self, piece: Piece) -> Iterator[Piece]:
        data = piece.data
        if data is None:
            yield _left_out(piece, piece.size + self._held)  # what is held may be the beginning of a secret
            self._break()
            return
        if piece.stream in self._broken:
            _, newline, data = data.partition(b"\n")
            if newline:
                self._broken.remove(piece.stream)
            yield _left_out(piece, piece.size - len(data))
        if data:
            shown = self._lines.feed([Piece(piece.offset, piece.stream, len(data), data)])
            self._held += len(data) - sum(each.size for each in shown)
            yield from shown


def _left_out(piece: Piece, size: int) -> Piece:
    return Piece(piece.offset, piece.stream, size, None)
