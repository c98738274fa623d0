"""Whether a value of the file is of the kind that its field takes. What it may be beyond that, the models know."""

import datetime
from typing import Any

from django.db import models
from django.db.models.fields.reverse_related import ForeignObjectRel

from commands.rulebook.canonical import YEARS

INTEGERS = range(-(2**63), 2**63)  # what TOML promises, and a database takes


def fault(field: "models.Field[Any, Any] | ForeignObjectRel", value: Any) -> str:
    """What was expected, for its author; empty if the value is of the kind."""
    match field:
        case models.BooleanField():
            return "" if isinstance(value, bool) else f"expected true or false, not {_shown(value)}."
        case models.IntegerField():
            is_number = type(value) is int and value in INTEGERS
            return "" if is_number else f"expected a whole number{_bound(value)}, not {_shown(value)}."
        case models.TimeField():
            return "" if isinstance(value, datetime.time) else f"expected a time like 08:00:00, not {_shown(value)}."
        case models.DateTimeField():
            has_zone = isinstance(value, datetime.datetime) and value.tzinfo is not None
            if has_zone and value.year in YEARS:
                return ""
            return f"expected a time with its zone, like 2026-01-31T08:00:00Z, not {_shown(value)}."
        case models.JSONField():
            return _fault_of_many(field.get_default(), value)
        case _:  # text, and another row by its name
            return "" if is_text(value) else f"expected text in quotes, without NUL, not {_shown(value)}."


def names_fault(value: Any) -> str:
    """As `fault`, of a list of names."""
    return _fault_of_many([], value)


def _fault_of_many(default: Any, value: Any) -> str:
    if isinstance(default, dict):
        is_table = isinstance(value, dict) and all(map(is_text, (*value, *value.values())))
        return "" if is_table else f'expected a table of texts, like {{ NAME = "text" }}, not {_shown(value)}.'
    is_list = isinstance(value, list) and all(map(is_text, value))
    return "" if is_list else f'expected a list of texts, like ["one", "two"], not {_shown(value)}.'


def is_text(value: Any) -> bool:
    """Without NUL: PostgreSQL keeps no NUL, and says so by an error of its own wherever one is only asked for."""
    return isinstance(value, str) and "\0" not in value


def _bound(value: Any) -> str:
    return " below 2^63" if type(value) is int else ""


def _shown(value: Any) -> str:
    try:
        text = str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, str) else str(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return "one of thousands of digits"
    return text if len(text) <= 60 else f"{text[:59]}…"
