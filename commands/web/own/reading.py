"""A user's own part of the record, page by page: newest first, by key, and no query that reads more than SCAN rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from commands.models import AuditEvent, Execution
from commands.outcome import Outcome
from commands.web.places import Place, beyond

PAGE = 30
SCAN = 5000
"""Rows of one user that a page looks through: some 20 ms."""


@dataclass(frozen=True, slots=True)
class Page:
    """`older` is the key of the next page, empty if there is none. `looked_to`: it ends where it has looked enough."""

    rows: list[Any]
    older: str
    looked_to: datetime | None


def executions(user: User, before: str, verb: str = "", day: date | None = None) -> Page:
    """Those of the user that are on record. Raises ValueError for a `before` that is no key."""
    mine = Execution.objects.filter(user_id=user.pk)
    if day is not None:
        start = timezone.make_aware(datetime.combine(day, time()))
        mine = mine.filter(started__gte=start, started__lt=start + timedelta(days=1))
    return _page(mine, "started", before, lambda rows: rows.filter(verb=verb) if verb else rows)


def refusals(user: User, before: str) -> Page:
    return _page(_events(user), "at", before, lambda rows: rows.filter(actor_id=user.pk, kind=AuditEvent.Kind.REJECT))


def logins(user: User, before: str) -> Page:
    """Of the name, by whomever: those that failed are nobody's."""
    return _page(_events(user), "at", before, lambda rows: rows.filter(_logins_of(user)))


def failed_logins(user: User, since: datetime) -> int:
    """How many of the last SCAN events of the name."""
    newest = _events(user).filter(at__gte=since).order_by("-at").values_list("kind", "outcome")[:SCAN]
    return sum(kind == "login" and outcome == Outcome.FAILED for kind, outcome in newest)


def _events(user: User) -> QuerySet[AuditEvent]:
    # Not what is older than the user: the name may have been somebody else's.
    return AuditEvent.objects.filter(actor=user.get_username(), at__gte=user.date_joined)


def _logins_of(user: User) -> Q:
    own_or_nobodys = Q(actor_id=user.pk) | Q(actor_id=None)
    return own_or_nobodys & (Q(kind=AuditEvent.Kind.LOGIN) | Q(kind="alert", outcome=Outcome.LOCKED_OUT))


def _page(mine: QuerySet[Any], field: str, before: str, narrowed: Callable[[QuerySet[Any]], QuerySet[Any]]) -> Page:
    """`mine` has an index in the order of `field`; what `narrowed` leaves of it may not."""
    way_in = beyond(mine, field, Place.parse(before, mine.model) if before else None, newer=False)
    ends = list(way_in.values_list(field, flat=True)[SCAN : SCAN + 1])
    looked_to: datetime | None = ends[0] if ends else None
    found = way_in if looked_to is None else way_in.filter(**{f"{field}__gt": looked_to})
    rows = list(narrowed(found)[: PAGE + 1])
    if len(rows) > PAGE:
        rows = rows[:PAGE]
        return Page(rows, str(Place(getattr(rows[-1], field), rows[-1].pk)), None)
    # One microsecond later: those of that very moment have not been looked at.
    older = "" if looked_to is None else str(Place(looked_to + timedelta(microseconds=1)))
    return Page(rows, older, looked_to)
