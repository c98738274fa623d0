"""Audit events, the first one first, as plain values to write into a file."""

import base64
import datetime
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.db import models
from django.db.models import QuerySet

from commands.audit_text import Redacted, decode_arguments, visible
from commands.models import AuditEvent

AT_ONCE = 1000

Row = dict[str, Any]


def event_rows(events: QuerySet[AuditEvent], progress: Callable[[int], None] | None = None) -> Iterator[Row]:
    """Each event, by the names of its fields; `progress` is told now and then how many there were.

    A query for each thousand and no cursor that stays open: between two of them nothing is held, and each may come from
    another connection.
    """
    pages = events.order_by("pk")
    last, count = 0, 0
    while page := list(pages.filter(pk__gt=last)[:AT_ONCE]):
        for event in page:
            yield _row(event)
        last, count = page[-1].pk, count + len(page)
        if progress is not None:
            progress(count)


def _row(event: AuditEvent) -> Row:
    row = {field.name: _plain(field, getattr(event, field.name)) for field in AuditEvent._meta.concrete_fields}
    row["arguments"] = _arguments(bytes(event.arguments))
    return row


def _plain(field: "models.Field[Any, Any]", value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(field, models.BinaryField):
        return None if value is None else bytes(value).hex()
    if isinstance(value, str) and not value.isprintable():  # the record's own text is visible already
        return visible(value)
    return value


def _arguments(encoded: bytes) -> list[Row]:
    """Each argument as its bytes; a secret one as what is recorded in its place."""
    try:
        return [_argument(each) for each in decode_arguments(encoded)]
    except ValueError:
        return [{"not_netstrings": encoded.hex()}]


def _argument(argument: bytes | Redacted) -> Row:
    if isinstance(argument, Redacted):
        return {"secret_bytes": argument.length, "hmac": argument.digest.hex()}
    return {"base64": base64.b64encode(argument).decode("ascii")}
