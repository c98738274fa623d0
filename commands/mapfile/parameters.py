"""Signatures as the file has them: a list of parameters each, a word by itself as a string, others as a table."""

from collections.abc import Iterable
from typing import Any, Protocol

from django.db import models

from commands.mapfile.plain import Entry, default_value, plain

PlainParameter = str | Entry
PlainSignature = list[PlainParameter]

PLACE = frozenset({"id", "signature", "position"})  # told by the order
ALWAYS = ("name", "type")


class SignatureRow(Protocol):
    """A row of Signature; no import, since the verb's history needs this and the models need that."""

    @property
    def parameters(self) -> Any: ...


def parameter_fields(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(field.name for field in model._meta.fields if field.name not in PLACE)


def plain_signatures(rows: Iterable[SignatureRow]) -> list[PlainSignature]:
    """Signatures in their order, with what differs from the default alone."""
    return [[_plain_parameter(each) for each in row.parameters.all()] for row in rows]


def parameter_entry(given: PlainParameter) -> Entry:
    """A parameter as a table: `"add"` is the word add, of the name add."""
    return {"name": given, "type": "word", "detail": given} if isinstance(given, str) else given


def shortened(entry: Entry) -> PlainParameter:
    """The other way; a table that says more than a word stays as it is."""
    name = entry.get("name")
    return name if isinstance(name, str) and entry == parameter_entry(name) else entry


def _plain_parameter(row: models.Model) -> PlainParameter:
    model = type(row)
    entry = plain(row, parameter_fields(model))
    return shortened(
        {name: value for name, value in entry.items() if name in ALWAYS or value != default_value(model, name)}
    )
