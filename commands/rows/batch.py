"""What the units of one batch insert, kept until something reads, or until the end: then it is one statement.

The map's revision is not read first, where the database is a round trip away: the units go on with the one that was
last seen, and what they insert is inserted only if that is still the map's. If not, the batch is Stale and runs anew.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from commands.models import MapRevision
from commands.rows import postgresql, sqlite

# SQL by hand: the same query by the ORM takes ten times as long, and each EXECUTE waits for it.
READ_REVISION = f'SELECT number FROM "{MapRevision._meta.db_table}" WHERE id = 1'  # noqa: S608

# PostgreSQL's statement gives back the keys of the last table alone: that is the one whose keys are counted.
Pending = dict[type[models.Model], list[models.Model]]


class Stale(Exception):
    """The map has changed since it was last seen: nothing of the batch is written."""


class _Local(threading.local):
    batch: "Batch | None" = None
    seen: int | None = None
    """The map's revision, as this thread has read it last."""


_local = _Local()


class Batch:
    """To be used inside `transaction.atomic()`."""

    def __init__(self, store: BaseDatabaseWrapper) -> None:
        self._store = store
        self._pending: Pending = {}
        self._guard: int | None = None
        self._revision: int | None = None

    def insert(self, row: models.Model) -> None:
        if type(row) in self._pending:
            self._pending[type(row)].append(row)
        else:
            self._pending[type(row)] = [row]

    def revision(self) -> int:
        """The map's, as it was when this batch began or later: all who wait for it had asked before."""
        if self._revision is None:
            if _local.seen is None or self._is_near or not postgresql.is_idle(self._store.connection):
                return read_revision()
            self._revision = self._guard = _local.seen
        return self._revision

    def saw(self, revision: int) -> None:
        """It was read."""
        self._revision = revision

    def finish(self) -> None:
        """Write what is left; on PostgreSQL, where nothing else has begun a transaction, it is committed too."""
        if self._pending:
            self._write(self._guard)
        elif self._guard is not None:
            guard, self._guard = self._guard, None
            if read_revision() != guard:
                raise Stale
        if self._revision is not None:
            _local.seen = self._revision

    def before_statement(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        """For Django's `execute_wrapper`: whatever reads now sees what was inserted."""
        if not self._is_near and (self._pending or self._guard is not None):
            self._begin()
        if self._pending:
            self._write(None)
        return execute(*arguments)

    @property
    def _is_near(self) -> bool:
        return self._store.vendor == "sqlite"

    def _begin(self) -> None:
        if postgresql.is_idle(self._store.connection):
            postgresql.begin(self._store.connection)
            guard, self._guard = self._guard, None
            if guard is not None and read_revision() != guard:
                raise Stale

    def _write(self, guard: int | None) -> None:
        pending, self._pending = self._pending, {}
        _write(self._store, pending, guard)


@contextmanager
def gathering(store: BaseDatabaseWrapper) -> Iterator[Batch]:
    """Gather what this thread inserts; whoever uses it calls `finish()` at the end."""
    batch = _local.batch = Batch(store)
    try:
        with store.execute_wrapper(batch.before_statement):
            yield batch
    except Stale:
        _local.seen = None
        raise
    finally:
        _local.batch = None


def insert(row: models.Model) -> None:
    """As `row.save(force_insert=True)`, but no signal is sent, and every field must have a value of its own type.

    In a batch it may be written later; a key that the database counts is in `row` when it is."""
    if _local.batch is not None:
        _local.batch.insert(row)
        return
    store = connections[DEFAULT_DB_ALIAS]
    store.ensure_connection()
    if store.vendor == "postgresql" and store.in_atomic_block and postgresql.is_idle(store.connection):
        postgresql.begin(store.connection)  # what Django has opened is begun by the first statement
    _write(store, {type(row): [row]}, None)


def revision() -> int:
    """The map's: in a batch, as of its beginning or later; else as of now."""
    return _local.batch.revision() if _local.batch is not None else read_revision()


def read_revision() -> int:
    """The map's, read now."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(READ_REVISION)
        row = cursor.fetchone()
    if row is None:
        raise MapRevision.DoesNotExist
    if _local.batch is not None:
        _local.batch.saw(row[0])
    number: int = row[0]
    return number


def update(model: type[models.Model], values: Mapping[str, Any], where: Mapping[str, Any]) -> int:
    """As `model.objects.filter(**where).update(**values)`; both name fields and nothing else, `where` has no None."""
    store = connections[DEFAULT_DB_ALIAS]
    statement, fields = _update_statement(model, tuple(values), tuple(where))
    given = (*values.values(), *where.values())
    parameters = [field.get_db_prep_save(value, store) for field, value in zip(fields, given, strict=True)]
    with store.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


@cache
def _update_statement(
    model: type[models.Model], values: tuple[str, ...], where: tuple[str, ...]
) -> tuple[str, "tuple[models.Field[Any, Any], ...]"]:
    by_name = {field.name: field for field in model._meta.concrete_fields}
    fields = tuple(by_name[name] for name in (*values, *where))
    places = [f'"{field.column}" = %s' for field in fields]
    assignments, conditions = ", ".join(places[: len(values)]), " AND ".join(places[len(values) :])
    return f'UPDATE "{model._meta.db_table}" SET {assignments} WHERE {conditions}', fields  # noqa: S608


def _write(store: BaseDatabaseWrapper, pending: Pending, guard: int | None) -> None:
    store.ensure_connection()
    with store.wrap_database_errors:
        if store.vendor == "sqlite":
            sqlite.write(store.connection, pending)
        elif not postgresql.write(store.connection, _counted_last(pending), guard):
            raise Stale
    for rows in pending.values():
        for row in rows:
            row._state.adding, row._state.db = False, store.alias


def _counted_last(pending: Pending) -> Pending:
    return dict(sorted(pending.items(), key=lambda item: isinstance(item[0]._meta.pk, models.AutoField)))
