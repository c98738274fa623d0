"""The first page: what runs now, how it went of late, and what somebody should look at. It reads no more of the record
than a few thousand rows, and shows each block to those alone who may view what it is about."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from commands.admin.base import Context, RelatedTable, may_view
from commands.admin.homecharts import charts
from commands.admin.homecounts import DAY, Count, alerts, counts, of_outcome, rejects, running
from commands.admin.homehealth import attention, health
from commands.admin.text import RUNNING, link, moment, outcome_label, short
from commands.models import AuditEvent, Execution, Lock
from commands.outcome import Outcome
from commands.web.text import visible

ROWS = 8
SAMPLE = 2000  # rows of the last day from which verbs are compared: some 20 ms


@dataclass(frozen=True, slots=True)
class Tile:
    """One number, and the list of what it counts."""

    name: str
    count: Count
    address: str


def add_overview(request: HttpRequest, context: Context) -> Context:
    """Unfold's dashboard callback: put into the page what the one who asks may see."""
    now = timezone.now()
    executions, events = may_view(request, Execution), may_view(request, AuditEvent)
    tiles: list[Tile] = []
    tables: list[RelatedTable] = []
    if executions:
        tiles += execution_tiles(now)
        tables.append(running_now(now))
    if events:
        tiles += event_tiles(now)
    if may_view(request, Lock):
        tiles.append(lock_tile(now))
        tables.append(standing_locks(now))
    if executions:
        tables += last_executions(), slowest_verbs(now)
    if events:
        tables += last_refusals(), most_refused(now), last_alerts()
    return {
        **context,
        "tiles": tiles,
        "charts": charts(request, now),
        "attention": attention(request, now),
        "health": health(request, now),
        "recent": tables,
        "is_overview": executions or events,
    }


def executions_list(**filters: object) -> str:
    return f"{reverse('admin:commands_execution_changelist')}?{urlencode(filters)}"


def events_list(**filters: object) -> str:
    return f"{reverse('admin:commands_auditevent_changelist')}?{urlencode(filters)}"


def day_of(now: datetime) -> str:
    """The day that began the last 24 hours: lists are filtered by whole days."""
    return f"{timezone.localtime(now - DAY):%Y-%m-%d}"


def execution_tiles(now: datetime) -> list[Tile]:
    run, started = counts([running(), Execution.objects.filter(started__gte=now - DAY)], "started")
    return [
        Tile("Running now", run, executions_list(outcome=RUNNING)),
        Tile("Executions, last day", started, executions_list(started_from=day_of(now))),
    ]


def event_tiles(now: datetime) -> list[Tile]:
    day = day_of(now)
    kinds = [rejects(), of_outcome(Outcome.FAILED), alerts()]
    refused, failed, alarming = counts([each.filter(at__gte=now - DAY) for each in kinds], "at")
    return [
        Tile("Refusals, last day", refused, events_list(kind="reject", at_from=day)),
        Tile("Failed logins, last day", failed, events_list(outcome=Outcome.FAILED, at_from=day)),
        Tile("Alerts, last day", alarming, events_list(kind="alert", at_from=day)),
    ]


def lock_tile(now: datetime) -> Tile:
    (standing,) = counts([locks_that_stand(now)], "made_at")
    return Tile("Standing locks", standing, reverse("admin:commands_lock_changelist"))


def locks_that_stand(now: datetime) -> QuerySet[Lock]:
    return Lock.objects.filter(Q(until=None) | Q(until__gt=now))


def running_now(now: datetime) -> RelatedTable:
    return RelatedTable(
        title="Running now",
        headers=("Started", "User", "Verb", "For"),
        rows=[
            [
                link(execution, moment(execution.started)),
                short(execution.username, 24),
                short(f"{execution.verb} {execution.arguments_text}"),
                duration(now - execution.started),
            ]
            for execution in running()[:ROWS]
        ],
        empty_text="Nothing runs now.",
        links=[(executions_list(outcome=RUNNING), "All that run")],
    )


def last_executions() -> RelatedTable:
    return RelatedTable(
        title="Last executions",
        headers=("Started", "User", "Verb", "Outcome"),
        rows=[
            [
                link(execution, moment(execution.started)),
                short(execution.username, 24),
                short(f"{execution.verb} {execution.arguments_text}"),
                outcome_label(execution.outcome, execution.exit_code),
            ]
            for execution in Execution.objects.all()[:ROWS]
        ],
        empty_text="No verb has been run yet.",
        links=[(reverse("admin:commands_execution_changelist"), "All executions")],
    )


def slowest_verbs(now: datetime) -> RelatedTable:
    found = Execution.objects.filter(started__gte=now - DAY).values_list("verb", "started", "ended")[:SAMPLE]
    took: defaultdict[str, list[timedelta]] = defaultdict(list)
    for verb, started, ended in found:
        if ended is not None:
            took[verb].append(ended - started)
    slowest = sorted(took.items(), key=lambda item: sum(item[1], timedelta()) / len(item[1]), reverse=True)
    return RelatedTable(
        title="Slowest verbs, last day" + sampled(len(found), "executions"),
        headers=("Verb", "Ended", "On average", "Longest"),
        rows=[
            [
                verb_link(executions_list(verb=verb, started_from=day_of(now)), verb),
                f"{len(each):,}",
                duration(sum(each, timedelta()) / len(each)),
                duration(max(each)),
            ]
            for verb, each in slowest[:ROWS]
        ],
        empty_text="No execution of the last day has ended yet.",
    )


def last_refusals() -> RelatedTable:
    return RelatedTable(
        title="Last refusals",
        headers=("Time", "User", "Verb", "Outcome", "Decided by"),
        rows=[
            [
                link(event, moment(event.at)),
                short(event.actor, 24),
                short(f"{event.verb} {event.arguments_text}", 32),
                outcome_label(event.outcome, event.exit_code),
                short(event.rule or event.reason, 44, wraps=True),
            ]
            for event in rejects()[:ROWS]
        ],
        empty_text="Nothing has been refused yet.",
        links=[(events_list(kind="reject"), "All refusals")],
    )


def most_refused(now: datetime) -> RelatedTable:
    verbs = rejects().filter(at__gte=now - DAY).values_list("verb", flat=True)[:SAMPLE]
    return RelatedTable(
        title="Most refused verbs, last day" + sampled(len(verbs), "refusals"),
        headers=("Verb", "Refusals"),
        rows=[
            [verb_link(events_list(kind="reject", verb=verb, at_from=day_of(now)), verb), f"{number:,}"]
            for verb, number in Counter(filter(None, verbs)).most_common(ROWS)
        ],
        empty_text="Nothing was refused in the last day.",
    )


def last_alerts() -> RelatedTable:
    return RelatedTable(
        title="Last alerts",
        headers=("Time", "Outcome", "User", "Address", "Reason"),
        rows=[
            [
                link(event, moment(event.at)),
                outcome_label(event.outcome, event.exit_code),
                short(event.actor, 24),
                event.remote_addr or "",
                short(event.reason, 44, wraps=True),
            ]
            for event in alerts()[:ROWS]
        ],
        empty_text="No alert: nothing was found that somebody should look at.",
        links=[(events_list(kind="alert"), "All alerts")],
    )


def standing_locks(now: datetime) -> RelatedTable:
    standing = locks_that_stand(now).select_related("user", "verb")
    return RelatedTable(
        title="Standing locks",
        headers=("What is locked", "Reason", "Until"),
        rows=[
            [
                link(lock, short(lock.covers, 32)),
                short(lock.reason, 44, wraps=True),
                moment(lock.until) if lock.until else "it is lifted",
            ]
            for lock in standing[:ROWS]
        ],
        empty_text="Nothing is locked.",
        links=[(reverse("admin:commands_lock_changelist"), "All locks")],
    )


def sampled(number: int, what: str) -> str:
    return f" (of its newest {SAMPLE:,} {what})" if number >= SAMPLE else ""


def verb_link(address: str, verb: str) -> SafeString:
    return format_html('<a href="{}" class="text-link" title="{}">{}</a>', address, visible(verb), short(verb, 32))


def duration(took: timedelta) -> str:
    """To the millisecond below a minute, else to the second: `0.012 s`, `1:02:03`."""
    seconds = max(0.0, took.total_seconds())
    return f"{seconds:.3f} s" if seconds < 60 else str(timedelta(seconds=int(seconds)))
