"""INSERT and UPDATE for the record, each statement made once from its model and kept.

Django makes the text of a statement anew each time, which costs more than to run it, and each EXECUTE waits for four.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models

Fields = tuple["models.Field[Any, Any]", ...]


def insert(row: models.Model) -> None:
    """As `row.save(force_insert=True)`, but no signal is sent. A key that the database counts is put into `row`."""
    store = connections[DEFAULT_DB_ALIAS]
    statement, fields = _insert_statement(type(row))
    parameters = [field.get_db_prep_save(field.pre_save(row, add=True), store) for field in fields]
    with store.cursor() as cursor:
        cursor.execute(statement, parameters)
        if isinstance(row._meta.pk, models.AutoField):
            (row.pk,) = cursor.fetchone()
    row._state.adding, row._state.db = False, store.alias


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
def _insert_statement(model: type[models.Model]) -> tuple[str, Fields]:
    fields = tuple(field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField))
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join("%s" for _ in fields)
    statement = f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({places})'  # noqa: S608
    key = model._meta.pk
    return f'{statement} RETURNING "{key.column}"' if isinstance(key, models.AutoField) else statement, fields


@cache
def _update_statement(model: type[models.Model], values: tuple[str, ...], where: tuple[str, ...]) -> tuple[str, Fields]:
    by_name = {field.name: field for field in model._meta.concrete_fields}
    fields = tuple(by_name[name] for name in (*values, *where))
    places = [f'"{field.column}" = %s' for field in fields]
    assignments, conditions = ", ".join(places[: len(values)]), " AND ".join(places[len(values) :])
    return f'UPDATE "{model._meta.db_table}" SET {assignments} WHERE {conditions}', fields  # noqa: S608
