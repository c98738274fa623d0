"""Rows as plain values: strings, numbers, times, lists and tables of strings. Other rows are named, not numbered."""

import datetime
from enum import Enum
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models

Value = Any  # what TOML knows, or None where a field is empty
Entry = dict[str, Value]

# By which field another row is named.
NAMED_BY = {"user": "username", "group": "name", "verb": "name", "tag": "name"}


def plain(row: models.Model, names: tuple[str, ...]) -> Entry:
    """The values of these fields of a row, in their order."""
    return {name: plain_value(row, name) for name in names}


def plain_value(row: models.Model, name: str) -> Value:
    field = row._meta.get_field(name)
    if isinstance(field, models.ForeignKey):
        return _name_of_related(row, field)
    value = getattr(row, name)
    # One instant can be written in many zones: two servers shall write the same file.
    return value.astimezone(datetime.UTC) if isinstance(value, datetime.datetime) else value


def default_value(model: type[models.Model], name: str) -> Value:
    """What a field is that is not given."""
    field = model._meta.get_field(name)
    value = field.get_default() if isinstance(field, models.Field) else None
    return value.value if isinstance(value, Enum) else value


def _name_of_related(row: models.Model, field: "models.ForeignKey[Any, Any]") -> str | None:
    key = getattr(row, field.attname)
    if key is None:
        return None
    try:
        related = getattr(row, field.name)
    except ObjectDoesNotExist:  # in a row of the history
        related = None  # as it is where the row came with what it names
    return f"(deleted: {key})" if related is None else str(getattr(related, NAMED_BY[field.name]))
