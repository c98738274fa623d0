"""What a ManageSieve server says (RFC 5804 section 4): octets in, strings and responses out. No I/O of its own."""

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_LINE = 64 * 1024
MAX_RESPONSE = 4 * 1024 * 1024  # Pigeonhole's scripts have at most 1 MiB; a peer must not fill the memory

_QUOTED = re.compile(rb'"((?:[^"\\\r\n\0]|\\["\\])*)"')
_LITERAL = re.compile(rb"\{([0-9]{1,10})\+?\}")
_ATOM = re.compile(rb'[^\s"(){}\\]+')


class ProtocolError(Exception):
    """What came is no ManageSieve."""


@dataclass(frozen=True, slots=True)
class Response:
    """`status` is OK, NO or BYE, `code` such as QUOTA/MAXSIZE or empty, `text` the server's own words.

    `lines` are those before it: a list of strings each, an atom (ACTIVE) being one too.
    """

    status: str
    code: str
    text: str
    lines: list[list[str]]


class Reader:
    """`read_response` calls `receive` for more octets as it needs them; none of them is the end (EOFError)."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._buffer = bytearray()
        self._room = MAX_RESPONSE

    @property
    def pending(self) -> bool:
        """Whether octets have come that belong to no response yet."""
        return bool(self._buffer)

    def read_response(self) -> Response:
        """Raises ProtocolError, EOFError, and what `receive` raises."""
        self._room = MAX_RESPONSE
        lines: list[list[str]] = []
        while True:
            words = self._read_words()
            match words:
                case [("atom", status), *rest] if status in ("OK", "NO", "BYE"):
                    code = next((text for kind, text in rest if kind == "code"), "")
                    text = next((text for kind, text in rest if kind == "string"), "")
                    return Response(status, code, text, lines)
                case [("string", _), *_]:
                    lines.append([text for _, text in words])
                case _:
                    raise ProtocolError("a line that is neither strings nor OK, NO or BYE")

    def _read_words(self) -> list[tuple[str, str]]:
        """One line as (kind, text), literals included; kinds are atom, string, and code for a response code."""
        words: list[tuple[str, str]] = []
        nested = False
        line = self._take_line()
        while line:
            if line[:1] == b" ":
                line = line[1:]
            elif line[:1] == b"(" and not nested:
                nested, line = True, line[1:]
            elif line[:1] == b")" and nested:
                nested, line = False, line[1:]
            elif quoted := _QUOTED.match(line):
                _add(words, nested, "string", re.sub(rb'\\(["\\])', rb"\1", quoted[1]))
                line = line[quoted.end() :]
            elif literal := _LITERAL.fullmatch(line):
                _add(words, nested, "string", self._take(int(literal[1])))
                line = self._take_line()
            elif atom := _ATOM.match(line):
                _add(words, nested, "code" if nested else "atom", atom[0])
                line = line[atom.end() :]
            else:
                raise ProtocolError("a line that can't be read")
        return words

    def _take_line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_LINE:
                raise ProtocolError(f"a line of more than {MAX_LINE} octets")
            self._fill()
        return self._take(end, skip=2)

    def _take(self, length: int, skip: int = 0) -> bytes:
        self._room -= length + skip
        if self._room < 0:
            raise ProtocolError(f"an answer of more than {MAX_RESPONSE} octets")
        while len(self._buffer) < length:
            self._fill()
        data = bytes(self._buffer[:length])
        del self._buffer[: length + skip]
        return data

    def _fill(self) -> None:
        data = self._receive()
        if not data:
            raise EOFError
        self._buffer += data


def _add(words: list[tuple[str, str]], nested: bool, kind: str, data: bytes) -> None:
    # Strings within a response code (TAG "…", SASL "…") say nothing that is needed here.
    if not (nested and kind == "string"):
        words.append((kind, data.decode(errors="surrogateescape")))
