"""Whether a limit leaves room for one more. What counts are the executions on record: durable, and of all processes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import QuerySet

from commands.judgement import Rejected
from commands.models import Execution, Verb
from commands.outcome import Outcome
from commands.policy import Counted, Rule, Subject

MINUTE = timedelta(minutes=1)
DAY = timedelta(hours=24)

# Any number that nothing else takes.
ADVISORY_LOCK = int.from_bytes(b"limit")

# A process that hangs with the lock, or whose machine is gone without a word, holds up all others: so long, where the
# server's TCP would take hours to find out. All that is left to do with it takes milliseconds.
HELD_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Used:
    """How many count for a limit: now running, started within a minute, within 24 hours."""

    at_once: int
    per_minute: int
    per_day: int


def exceeded(rules: Sequence[Rule], subject: Subject, verb: str, now: datetime) -> Rejected | None:
    """The refusal by the first of the rules' limits that leaves no room. Only inside the unit that records the accept.

    Until that unit is committed no other process counts, so that two can't both take the last place.
    """
    if not rules:
        return None
    _let_no_other_count()
    return first_full(rules, subject, verb, now)


def first_full(rules: Sequence[Rule], subject: Subject, verb: str, now: datetime) -> Rejected | None:
    """As `exceeded`, for who only asks: others may count meanwhile."""
    for rule in rules:
        if text := _full(rule, counted(rule, subject, verb), now):
            return Rejected(Outcome.LIMIT, text, text, rule)
    return None


def used(rule: Rule, subject: Subject, verb: str, now: datetime) -> Used:
    """How far a limit is used, if this subject were to run this verb now."""
    rows = counted(rule, subject, verb)
    return Used(
        at_once=rows.filter(outcome="").count(),
        per_minute=rows.filter(started__gt=now - MINUTE).count(),
        per_day=rows.filter(started__gt=now - DAY).count(),
    )


def counted(rule: Rule, subject: Subject, verb: str) -> QuerySet[Execution]:
    """The executions that count together for this limit, whatever else the rule's conditions say."""
    rows = Execution.objects.order_by("-started")
    if rule.limits.counted is Counted.VERB:
        return _of_its_users(rows.filter(verb=verb), rule)
    rows = rows.filter(user_id=subject.user_id)
    if rule.limits.counted is Counted.USER_VERB:
        return rows.filter(verb=verb)
    if rule.verb is not None:
        return rows.filter(verb=rule.verb)
    return rows if rule.tag is None else rows.filter(verb__in=Verb.objects.filter(tags__name=rule.tag).values("name"))


def _of_its_users(rows: QuerySet[Execution], rule: Rule) -> QuerySet[Execution]:
    if rule.user_id is not None:
        return rows.filter(user_id=rule.user_id)
    if rule.group_id is not None:
        return rows.filter(user_id__in=get_user_model().objects.filter(groups=rule.group_id).values("pk"))
    return rows if rule.domain is None else rows.filter(username__iendswith=f"@{rule.domain}")


def _full(rule: Rule, rows: QuerySet[Execution], now: datetime) -> str:
    """Which of the rule's limits leaves no room, in words for the client; empty if there is room.

    No more rows are read than the limit has places.
    """
    limits = rule.limits
    if limits.at_once is not None and len(rows.filter(outcome="").values("pk")[: limits.at_once]) >= limits.at_once:
        return f"at most {limits.at_once} at once; try again when one has ended"
    for places, window, words in ((limits.per_minute, MINUTE, "a minute"), (limits.per_day, DAY, "in 24 hours")):
        if places is None:
            continue
        in_window = rows.filter(started__gt=now - window).values_list("started", flat=True)
        started = list(in_window[places - 1 : places])
        if started:
            return f"at most {places} {words}; try again in {_duration(started[0] + window - now)}"
    return ""


def _duration(time: timedelta) -> str:
    seconds = max(1, math.ceil(time.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 7200 else f"{math.ceil(seconds / 3600)} h"


def _let_no_other_count() -> None:
    """Until this transaction ends. On SQLite the writer's has the database for itself as it is.

    One lock for all limits: with one for each, two processes whose batches take several could wait for each other.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('idle_in_transaction_session_timeout', %s, true), pg_advisory_xact_lock(%s)",
                (f"{HELD_SECONDS}s", ADVISORY_LOCK),
            )
