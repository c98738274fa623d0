"""Regular expressions that people give: RE2's, whose time grows with the text alone, so none can stall the server."""

from functools import lru_cache
from typing import Any

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # it would write to standard error by itself


@lru_cache(maxsize=4096)
def compiled(expression: str) -> Any | None:
    """The compiled expression; None if it is none, or one that RE2 does not know (look-around, back references)."""
    try:
        return re2.compile(expression, _OPTIONS)
    except re2.error:
        return None


def matches_all(expression: str, text: str) -> bool:
    """Whether the expression matches the whole text. One that does not compile matches nothing."""
    found = compiled(expression)
    return found is not None and found.fullmatch(text) is not None
