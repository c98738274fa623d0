"""Rows into PostgreSQL: those of all tables in one prepared statement, however many they are.

By libpq itself: psycopg's way to the same statement takes as long again as the server does. The statement is a
transaction of its own where none is open, so that a batch of the writer is one round trip.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from django.db import models
from psycopg import errors, pq

from commands.models import MapRevision
from commands.rows.binary import TYPES, array, big, scalar
from commands.rows.columns import table_of

Pending = Mapping[type[models.Model], Sequence[models.Model]]

_REVISION = MapRevision._meta.db_table
_GOOD = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class _Shape(NamedTuple):
    """Of a statement: the tables, and whether there is one row for each, or arrays of them."""

    models: tuple[type[models.Model], ...]
    is_single: bool


_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[_Shape, bytes]] = WeakKeyDictionary()


class Uncertain(psycopg.OperationalError):
    """The connection broke while a statement was its own transaction: whether it is committed can't be known."""


def is_idle(store: psycopg.Connection[Any]) -> bool:
    """Whether no transaction is open."""
    return store.pgconn.transaction_status == pq.TransactionStatus.IDLE


def is_broken(store: psycopg.Connection[Any]) -> bool:
    """Whether the server has closed an idle connection: found out before anything is sent whose fate would be open."""
    if store.pgconn.status != pq.ConnStatus.OK:
        return True
    try:
        store.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return store.pgconn.status != pq.ConnStatus.OK


def begin(store: psycopg.Connection[Any]) -> None:
    _check(store, store.pgconn.exec_(b"BEGIN"))


def write(store: psycopg.Connection[Any], pending: Pending, guard: int | None) -> bool:
    """Insert them all, or none: False if the map's revision is not `guard` any more. What is inserted so is on the
    disk when it is committed, whatever the server does for others.

    Keys that the database counts are put into the rows of the last table alone.
    """
    shape = _Shape(tuple(pending), all(len(rows) == 1 for rows in pending.values()))
    names = _prepared.setdefault(store, {})
    if shape not in names:
        name = b"imapx_record_%d" % len(names)
        _check(store, store.pgconn.prepare(name, _statement(shape).encode()))
        names[shape] = name
    parameters = [None if guard is None else big(guard), *_parameters(pending, shape)]
    autonomous = is_idle(store)
    try:
        result = store.pgconn.exec_prepared(names[shape], parameters, [1] * len(parameters))  # type: ignore[arg-type]
        _check(store, result)
    except psycopg.OperationalError as error:
        if autonomous and store.pgconn.status != pq.ConnStatus.OK:
            raise Uncertain(str(error)) from error
        raise
    last, rows = list(pending.items())[-1]
    if result.ntuples != len(rows):
        return False
    table = table_of(last)
    if table.counts_key:
        for place, row in enumerate(rows):
            setattr(row, table.key, int(result.get_value(place, 0) or 0))
    return True


def _parameters(pending: Pending, shape: _Shape) -> Iterator[bytes | None]:
    for model, rows in pending.items():
        table = table_of(model)
        values = [row.__dict__ for row in rows]
        for attribute, kind in zip(table.attributes, table.types, strict=True):
            if shape.is_single:
                value = values[0][attribute]
                yield None if value is None else scalar(TYPES[kind], value)
            else:
                yield array(TYPES[kind], [each[attribute] for each in values])


@cache
def _statement(shape: _Shape) -> str:
    # The setting counts where it is asked for: a server may have it off for all that don't ask.
    condition = f"$1::int8 IS NULL OR EXISTS (SELECT 1 FROM {_REVISION} WHERE id = 1 AND number = $1)"  # noqa: S608
    parts = [f"now AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true) WHERE {condition})"]
    number = 2
    for model in shape.models:
        table = table_of(model)
        columns = ", ".join(f'"{column}"' for column in table.columns)
        brackets = "" if shape.is_single else "[]"
        places = ", ".join(f"${place}::{TYPES[kind].name}{brackets}" for place, kind in enumerate(table.types, number))
        number += len(table.columns)
        if shape.is_single:
            source = f"SELECT {places} FROM now"  # noqa: S608
        else:
            names = ", ".join(f"c{place}" for place in range(len(table.columns)))
            rows = f"unnest({places}) WITH ORDINALITY AS v({names}, place)"
            source = f"SELECT {names} FROM now, {rows} ORDER BY v.place"  # noqa: S608
        insert = f'INSERT INTO "{table.name}" ({columns}) {source}'
        last = f'{insert} RETURNING "{table.key}"'
        parts.append(f"i{len(parts)} AS ({insert})")
    return f"WITH {', '.join(parts[:-1])} {last}"


def _check(store: psycopg.Connection[Any], result: pq.abc.PGresult) -> None:
    if result.status not in _GOOD:
        error = errors.error_from_result(result, store.info.encoding)
        if store.pgconn.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError(str(error)) from error
        raise error
