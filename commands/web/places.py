"""Places in lists of the record, which page by key and not by number: where a row stands, and what lies beyond it."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, QuerySet

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

M = TypeVar("M", bound=models.Model)


class Place(NamedTuple):
    """Of a row in a list by time; without `pk`: all of that moment."""

    at: datetime
    pk: Any = None

    def __str__(self) -> str:
        microseconds = (self.at - EPOCH) // timedelta(microseconds=1)
        return str(microseconds) if self.pk is None else f"{microseconds}.{self.pk}"

    @classmethod
    def parse(cls, text: str, model: type[models.Model]) -> "Place":
        """What `str` has made. Raises ValueError for anything else."""
        microseconds, _, key = text.partition(".")
        try:
            at = EPOCH + timedelta(microseconds=int(microseconds))
            pk = model._meta.pk.to_python(key) if key else None
        except (OverflowError, ValidationError) as error:
            raise ValueError("no place in this list") from error
        if isinstance(pk, int) and not 0 <= pk < 2**63:
            raise ValueError("no place in this list")
        return cls(at, pk)


def beyond(rows: QuerySet[M], time: str, place: Place | None, *, newer: bool) -> QuerySet[M]:
    """The rows from `place` on (None: all), in the order of this field of theirs: to newer ones, or to older ones."""
    rows = rows.order_by(time, "pk") if newer else rows.order_by(f"-{time}", "-pk")
    if place is None:
        return rows
    comparison = "gt" if newer else "lt"
    if place.pk is None:
        return rows.filter(**{f"{time}__{comparison}": place.at})
    # Not (a, b) < (x, y): PostgreSQL picks partitions by the plain comparison alone.
    same_or_beyond = Q(**{f"{time}__{comparison}e": place.at})
    return rows.filter(same_or_beyond, Q(**{f"{time}__{comparison}": place.at}) | Q(**{f"pk__{comparison}": place.pk}))
