"""Which bytes of a line must not be recorded. Pure, but for RE2."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import re2

MARK = b"[redacted]"

Span = tuple[int, int]

# What may match a line on its own and not where it stands among others: its ends, and flags that are turned off.
_NEEDS_A_LINE_OF_ITS_OWN = re.compile(r"\$|\\[Az]|\(\?[a-zA-Z]*-")


class Patterns:
    """What the map's expressions match in a line, and secret arguments wherever they stand, is redacted.

    A line of UTF-8 is matched as text; any other as Latin-1, where `.` is every byte: in UTF-8 a stray byte would end
    a match, and the rest of the secret would be recorded.
    """

    def __init__(self, expressions: Sequence[str], secrets: Sequence[bytes] = ()) -> None:
        """Raises re2.error for what is no expression: nothing may be recorded without it."""
        self._expressions = tuple(map(_Expression, expressions))
        self._secrets = tuple(secret for secret in secrets if secret)

    def __bool__(self) -> bool:
        return bool(self._expressions or self._secrets)

    def spans(self, text: bytes) -> list[Span]:
        """What is to be redacted in these lines: ordered, without overlap."""
        found = [span for secret in self._secrets for span in _occurrences(secret, text)]
        all_text = _is_utf8(text)
        expressions = [each for each in self._expressions if not all_text or each.may_match_in(text)]
        if expressions:
            found += _in_lines(expressions, text, all_text)
        return _merged(found)


class _Expression:
    def __init__(self, expression: str) -> None:
        self._as_text = _compiled(expression.encode(), False)
        self._as_bytes = _compiled(expression.encode(), True)
        alone = _NEEDS_A_LINE_OF_ITS_OWN.search(expression)
        self._in_many = None if alone else _compiled(b"(?m:" + expression.encode() + b")", False)

    def may_match_in(self, text: bytes) -> bool:
        """Whether to look at its lines one by one, which takes a hundred times as long as this."""
        return self._in_many is None or self._in_many.search(text) is not None

    def spans(self, line: bytes, as_text: bool) -> Iterator[Span]:
        pattern = self._as_text if as_text else self._as_bytes
        return (match.span() for match in pattern.finditer(line))


def _in_lines(expressions: Sequence[_Expression], text: bytes, all_text: bool) -> Iterator[Span]:
    known: dict[bytes, list[Span]] = {}  # a flood says the same again and again
    start = 0
    for line in text.split(b"\n"):
        if line not in known:
            as_text = all_text or _is_utf8(line)
            shown = line.removesuffix(b"\r")  # so that $ is the end of the line for who writes CR LF, too
            spans = (span for each in expressions for span in each.spans(shown, as_text))
            known[line] = [(low, high) for low, high in spans if low < high]
        for low, high in known[line]:
            yield start + low, start + high
        start += len(line) + 1


def _occurrences(secret: bytes, text: bytes) -> Iterator[Span]:
    place = text.find(secret)
    while place >= 0:
        yield place, place + len(secret)
        place = text.find(secret, place + 1)


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


@lru_cache(maxsize=4096)
def _compiled(expression: bytes, latin1: bool) -> Any:
    options = re2.Options()
    options.log_errors = False  # it would write to standard error by itself
    if latin1:
        options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(expression, options)
