"""Counts for the first page that never read more than so many rows, however many there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from commands.models import AuditEvent, Execution
from commands.models.audit import COMMON_OUTCOMES
from commands.models.execution import COMMON_ENDS

CAP = 1000  # of one bar or number: 43 bars of two kinds take some 10 ms
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Count:
    """`is_capped`: there are at least so many."""

    number: int
    is_capped: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.is_capped else ''}"

    def __bool__(self) -> bool:
        return self.number > 0


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` until before `end`, and what the bar of it is called."""

    start: datetime
    end: datetime
    name: str


def total(counts: Iterable[Count]) -> Count:
    counted = list(counts)
    return Count(sum(each.number for each in counted), any(each.is_capped for each in counted))


def counts(querysets: Sequence[QuerySet[Any]], time: str) -> list[Count]:
    """Count each queryset up to CAP, all in one query. Each needs an index that has its rows in order of `time`."""
    parts: list[str] = []
    parameters: list[Any] = []
    for queryset in querysets:
        # In order: else PostgreSQL may think that to read the whole table is the shorter way. The time alone: then the
        # index answers, without one row being read.
        sql, values = queryset.order_by(time).values_list(time)[: CAP + 1].query.sql_with_params()
        parts.append(f"(SELECT COUNT(*) FROM ({sql}) AS counted)")  # noqa: S608 - the ORM's own SQL, its values apart
        parameters += values
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", parameters)
        found = cursor.fetchone()
    return [Count(min(number, CAP), number > CAP) for number in found]


def in_span(queryset: QuerySet[Any], time: str, span: Span) -> QuerySet[Any]:
    return queryset.filter(**{f"{time}__gte": span.start, f"{time}__lt": span.end})


# Each has its index's own condition, word for word. Of a value that is given apart SQLite looks into every row for it,
# or does not see at all that the index lets it through.


def rejects() -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(_literally("kind = 'reject'"))


def alerts() -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(_literally("kind = 'alert'"))


def running() -> QuerySet[Execution]:
    return Execution.objects.filter(_literally("outcome = ''"))


def of_outcome(outcome: str) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(_none_of(COMMON_OUTCOMES), outcome=outcome)


def of_end(outcome: str) -> QuerySet[Execution]:
    return Execution.objects.filter(_none_of(("", *COMMON_ENDS)), outcome=outcome)


def _none_of(outcomes: Sequence[str]) -> RawSQL:
    listed = ", ".join(f"'{each}'" for each in outcomes)
    return _literally(f"NOT (outcome IN ({listed}))")


def _literally(condition: str) -> RawSQL:
    return RawSQL(condition, (), output_field=BooleanField())  # noqa: S611 - of our own constants


def last_hour(now: datetime) -> list[Span]:
    """Twelve spans of five minutes by the site's clock, the running one last."""
    local = timezone.localtime(now)
    start = local.replace(minute=local.minute // 5 * 5, second=0, microsecond=0)
    return _spans(start, timedelta(minutes=5), 12)


def last_day(now: datetime) -> list[Span]:
    return _spans(timezone.localtime(now).replace(minute=0, second=0, microsecond=0), timedelta(hours=1), 24)


def last_week(now: datetime) -> list[Span]:
    """The running day and the six before it, each from midnight to midnight: one may have 23 or 25 hours."""
    today = timezone.localtime(now).date()
    days = [today - DAY * back for back in range(6, -2, -1)]
    midnights = [timezone.make_aware(datetime.combine(day, datetime.min.time())) for day in days]
    return [Span(start, end, f"{start:%a %Y-%m-%d}") for start, end in pairwise(midnights)]


def _spans(last: datetime, width: timedelta, number: int) -> list[Span]:
    # In UTC, since local times go back once a year.
    first = last.astimezone(UTC) - width * (number - 1)
    starts = [first + width * each for each in range(number)]
    return [Span(start, start + width, f"{timezone.localtime(start):%H:%M}") for start in starts]
