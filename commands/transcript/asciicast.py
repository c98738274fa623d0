"""A transcript as asciicast, version 2 (docs.asciinema.org/manual/asciicast/v2), which asciinema plays. Pure."""

import codecs
import json
from collections.abc import Callable, Iterable, Iterator

from commands.transcript.chunk import INPUT, Chunk

MEDIA_TYPE = "application/x-asciicast"

# Nobody knows how large the terminal was, if there was one.
WIDTH, HEIGHT = 80, 24


def asciicast(chunks: Iterable[Chunk], *, title: str, timestamp: int) -> Iterator[str]:
    """Its lines: a header, then one for each chunk whose data is recorded. Standard error is output.

    What was no UTF-8 is lost (U+FFFD). Controls are as they were: a player obeys them.
    """
    yield _line({"version": 2, "width": WIDTH, "height": HEIGHT, "timestamp": timestamp, "title": title})
    texts: dict[str, _Text] = {}
    last = 0
    for chunk in chunks:
        if chunk.data is None:
            continue
        if chunk.stream not in texts:
            texts[chunk.stream] = _Text()
        if text := texts[chunk.stream].show(chunk.data):
            last = max(last, chunk.offset)  # a line that was held back long comes late, and players know no way back
            yield _line([last / 1_000_000, "i" if chunk.stream == INPUT else "o", text])


class _Text:
    """Bytes of one stream as text, with the line ends of a terminal: after LF alone it would go on below the end."""

    def __init__(self) -> None:
        self._decode: Callable[[bytes], str] = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._last = ""

    def show(self, data: bytes) -> str:
        text = self._decode(data)
        shown = (self._last + text).replace("\r\n", "\n").replace("\n", "\r\n")[len(self._last) :]
        self._last = "\r" if text.endswith("\r") else "" if text else self._last
        return shown


def _line(value: object) -> str:
    # In ASCII: it may be written to a terminal, which would obey U+009B as it does ESC, and in any locale.
    return json.dumps(value) + "\n"
