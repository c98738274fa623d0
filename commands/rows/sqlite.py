"""Rows into SQLite, by its driver alone: the same values as Django would store, without its way there."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, timedelta
from functools import cache
from typing import Any

from django.db import models

from commands.rows.columns import table_of

Pending = Mapping[type[models.Model], Sequence[models.Model]]

_MICROSECOND = timedelta(microseconds=1)


def write(store: sqlite3.Connection, pending: Pending) -> None:
    """Insert them, in the transaction that is open. Keys that the database counts are put into the rows."""
    for model, rows in pending.items():
        statement, convert = _statement(model)
        store.executemany(statement, [convert(row.__dict__) for row in rows])
        table = table_of(model)
        if table.counts_key:
            # Nobody else can insert in between, so they were counted without a gap.
            (last,) = store.execute("SELECT last_insert_rowid()").fetchone()
            for number, row in enumerate(rows, last - len(rows) + 1):
                setattr(row, table.key, number)


@cache
def _statement(model: type[models.Model]) -> tuple[str, Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
    table = table_of(model)
    columns = ", ".join(f'"{column}"' for column in table.columns)
    places = ", ".join("?" for _ in table.columns)
    conversions = [(name, _CONVERSIONS.get(kind)) for name, kind in zip(table.attributes, table.types, strict=True)]

    def convert(values: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(
            [
                value if (value := values[name]) is None or conversion is None else conversion(value)
                for name, conversion in conversions
            ]
        )

    return f'INSERT INTO "{table.name}" ({columns}) VALUES ({places})', convert  # noqa: S608


def _text(value: str) -> str:
    return value if type(value) is str else str(value)  # an enumeration's: the driver is slow to find out


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "CharField": _text,
    "UUIDField": lambda value: value.hex,
    "DateTimeField": lambda value: str(value.astimezone(UTC).replace(tzinfo=None)),
    "DurationField": lambda value: value // _MICROSECOND,
}
