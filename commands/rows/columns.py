"""What the record's tables are made of, read once from their models."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import models


@dataclass(frozen=True, slots=True)
class Table:
    """A model's table. The columns are those that an INSERT gives: all but a key that the database counts."""

    name: str
    attributes: tuple[str, ...]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    key: str
    counts_key: bool


@cache
def table_of(model: type[models.Model]) -> Table:
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    key: models.Field[Any, Any] = model._meta.pk
    return Table(
        name=model._meta.db_table,
        attributes=tuple(field.attname for field in fields),
        columns=tuple(str(field.column) for field in fields),
        types=tuple(field.get_internal_type() for field in fields),
        key=key.attname,
        counts_key=isinstance(key, models.AutoField),
    )
