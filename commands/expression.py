"""Regular expressions that people give: RE2's, whose time grows with the text alone, so none can stall the server."""

from functools import lru_cache
from typing import Any

import re2


def _options(*, relaxed: bool) -> Any:
    options = re2.Options()
    options.log_errors = False  # it would write to standard error by itself
    options.case_sensitive = not relaxed
    options.dot_nl = relaxed
    return options


_EXACT, _RELAXED = _options(relaxed=False), _options(relaxed=True)


@lru_cache(maxsize=4096)
def compiled(expression: str, relaxed: bool = False) -> Any | None:
    """The compiled expression; None if it is none, or one that RE2 does not know (look-around, back references).

    `relaxed`: upper and lower case are the same to it, and its dot takes a line end too.
    """
    try:
        return re2.compile(expression, _RELAXED if relaxed else _EXACT)
    except (re2.error, UnicodeEncodeError):
        return None


def matches_all(expression: str, text: str) -> bool:
    """Whether the expression matches the whole text. One that does not compile matches nothing."""
    return _matches(expression, text, relaxed=False)


def may_mean(expression: str, text: str) -> bool:
    """Whether it matches the whole text by some reading: as `matches_all`, or relaxed, or since it does not compile.

    For what forbids: neither another case, nor a line end, nor an expression that is broken lets anything by. Both
    readings, since `[^a-z]` takes fewer characters where case is the same.
    """
    if compiled(expression) is None:
        return True
    return _matches(expression, text, relaxed=False) or _matches(expression, text, relaxed=True)


def _matches(expression: str, text: str, *, relaxed: bool) -> bool:
    found = compiled(expression, relaxed)
    # RE2 reads UTF-8, which half a surrogate pair (PEP 383) can't be written in. For the same reason as in as_text:
    # not as ASCII.
    readable = text.encode(errors="surrogatepass").decode(errors="replace")
    return found is not None and found.fullmatch(readable) is not None
