"""Shows a transcript as text: on a terminal in colour, elsewhere with a mark before each line."""

from typing import BinaryIO

from commands.terminal import Screen
from commands.transcript.chunk import ERROR, INPUT, OUTPUT, Chunk
from commands.transcript.playing import amount

NAMES = {INPUT: "input", OUTPUT: "output", ERROR: "standard error"}

# Neither can be forged by what a program says: its controls are made visible, and each of its lines has the mark.
COLOURS = {INPUT: b"\x1b[1;36m", ERROR: b"\x1b[31m"}
RESET = b"\x1b[0m"
MARKS = {INPUT: b"< ", OUTPUT: b"> ", ERROR: b"! "}


class Player:
    def __init__(self, out: BinaryIO, *, colour: bool, raw: bool) -> None:
        """`raw`: bytes as they were, whatever they do to the terminal."""
        self._out = out
        self._colour = colour
        self._raw = raw
        self._screens = {stream: Screen() for stream in NAMES}
        self._stream = OUTPUT
        self._in_line = False

    def show(self, chunk: Chunk) -> None:
        if chunk.data is None:
            self._show_size(chunk)
        elif self._raw and not self._colour:
            self._out.write(chunk.data)
        else:
            self._show_text(chunk.stream, self._text(chunk.stream, chunk.data))
        self._out.flush()

    def finish(self) -> None:
        """What has been shown may end within a character, or a line; what comes after it begins one."""
        for stream, screen in self._screens.items():
            if rest := screen.rest():
                self._show_text(stream, rest)
        if self._in_line:
            self._out.write(b"\n")
        self._out.flush()

    def _text(self, stream: str, data: bytes) -> bytes:
        return data if self._raw else self._screens[stream].show(data)

    def _show_text(self, stream: str, text: bytes) -> None:
        if self._colour:
            self._show_in_colour(stream, text)
        else:
            self._show_marked(stream, text)

    def _show_size(self, chunk: Chunk) -> None:
        self._end_line()
        text = f"{chunk.offset / 1_000_000:10.3f} s  {amount(chunk.size)} of {NAMES[chunk.stream]}, not recorded\n"
        self._out.write(text.encode())

    def _show_in_colour(self, stream: str, text: bytes) -> None:
        colour = COLOURS.get(stream)
        self._out.write(text if colour is None else colour + text + RESET)
        self._in_line = not text.endswith(b"\n") if text else self._in_line

    def _show_marked(self, stream: str, text: bytes) -> None:
        if stream != self._stream:
            self._end_line()
            self._stream = stream
        for line in text.splitlines(keepends=True):
            self._out.write(line if self._in_line else MARKS[stream] + line)
            self._in_line = not line.endswith(b"\n")

    def _end_line(self) -> None:
        if self._in_line:
            self._out.write(b"\n")
            self._in_line = False
