"""How long the record is kept, by kind, and letting go of what is older.

On PostgreSQL events and transcripts go by whole months, since to delete millions of rows takes hours and leaves their
room behind. Executions go row by row, a few at a time: an execution is changed when it ends, by its id alone, and to
look for that in every month's partition would cost each EXECUTE more than this costs once a day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction

from commands import audit, partitions, pruning
from commands.evidence import checkpoint
from commands.models import AuditEvent, Execution, TranscriptChunk

LEAST_DAYS = 2  # rules with limits count the executions of the last day
MOST_DAYS = 36_500
BATCH = 5_000  # executions in one transaction: others wait for the locks of no more
LONGEST = timedelta(days=1)  # that an execution may run (Verb.time_limit)


class BadPeriod(ValueError):
    """Nobody could want that. str() says what was expected."""


@dataclass(frozen=True, slots=True)
class Periods:
    """For how many days each kind is kept; 0: for ever."""

    events: int
    executions: int
    transcripts: int

    @classmethod
    def from_settings(cls) -> "Periods":
        return cls(*(settings.IMAPX[f"KEEP_{kind}_DAYS"] for kind in ("EVENTS", "EXECUTIONS", "TRANSCRIPTS")))

    def check(self) -> None:
        """Raise BadPeriod if one makes no sense, or not beside another."""
        for kind, days in (("events", self.events), ("executions", self.executions), ("transcripts", self.transcripts)):
            if days and not LEAST_DAYS <= days <= MOST_DAYS:
                raise BadPeriod(f"{kind}: {days} days. {LEAST_DAYS} to {MOST_DAYS}, or 0 for ever, was expected.")
        for kind, days in (("events, which vouch for them", self.events), ("executions", self.executions)):
            if days and not 0 < self.transcripts <= days:
                raise BadPeriod(
                    f"Transcripts can't be kept for longer than their {kind} ({days} days): "
                    f"set how long they are kept to {days} days or less."
                )


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went, or would go: `before`: the time that bounds it. Nothing if `rows` is 0."""

    kind: str
    before: datetime
    rows: int

    def __str__(self) -> str:
        if not self.rows:
            return f"no {self.kind}: none are from before {self.before:%Y-%m-%d %H:%M} UTC"
        return f"{self.rows} {self.kind} from before {self.before:%Y-%m-%d %H:%M} UTC"


def prune(periods: Periods, *, dry_run: bool, tell: Callable[[Pruned], object], now: datetime | None = None) -> None:
    """Let go of what is older than `periods`, and record that. Tells what went, kind by kind.

    Transcripts first: without their events nobody could tell whether they are whole. Raises StoreUnavailable where it
    can't be recorded, and then nothing goes; django.db.Error where the tables are in use for too long.
    """
    periods.check()
    now = now or datetime.now(UTC)
    if not dry_run:
        partitions.ensure(now=now)  # also gives those a month that the default partition has
    for days, one in (
        (periods.transcripts, prune_transcripts),
        (periods.executions, prune_executions),
        (periods.events, prune_events),
    ):
        if days:
            tell(one(now - timedelta(days=days), dry_run))


def prune_transcripts(cutoff: datetime, dry_run: bool) -> Pruned:
    before = pruning.whole(min(cutoff, _oldest_running()))
    pruned = Pruned("transcripts' chunks", before, TranscriptChunk.objects.filter(at__lt=before).count())
    if pruned.rows and not dry_run:
        # One that ran over the bound loses its beginning: it can't be vouched for either.
        checkpoint.announce_transcripts(before + LONGEST)
        with transaction.atomic():
            pruning.drop(TranscriptChunk, before)
    return pruned


def prune_executions(cutoff: datetime, dry_run: bool) -> Pruned:
    old = Execution.objects.filter(started__lt=cutoff).exclude(outcome="")
    pruned = Pruned("executions", cutoff, old.count())
    if pruned.rows and not dry_run:
        audit.record_now(
            kind=AuditEvent.Kind.CHANGE,
            outcome="pruned",
            reason=f"{pruned.rows} executions from before {cutoff.isoformat()} are let go of",
        )
        while Execution.objects.filter(pk__in=old.order_by("started").values("pk")[:BATCH]).delete()[0]:
            pass
    return pruned


def prune_events(cutoff: datetime, dry_run: bool) -> Pruned:
    before = pruning.whole(min(cutoff, _oldest_running()))
    if not AuditEvent.objects.filter(at__lt=before).exists():
        return Pruned("audit events", before, 0)
    cut = _plan(before)
    pruned = Pruned("audit events", cut.before, AuditEvent.objects.filter(at__lt=cut.before).order_by().count())
    if pruned.rows and not dry_run:
        checkpoint.announce(cut)
        with transaction.atomic():
            checkpoint.let_go(cut)
            pruning.drop(AuditEvent, cut.before)
    return pruned


def _plan(before: datetime) -> checkpoint.Cut:
    """At `before`, or where a clock set back would leave a hole in a chain there, at the next earlier bound."""
    oldest = AuditEvent.objects.order_by("at").values_list("at", flat=True)[0]
    while True:
        try:
            return checkpoint.plan(before)
        except checkpoint.Hole as hole:
            before = pruning.whole(hole.at)
            if before <= oldest:
                raise


def _oldest_running() -> datetime:
    """Since when something runs: its accept is a moment older than its summary."""
    started = Execution.objects.filter(outcome="").order_by("started").values_list("started", flat=True).first()
    return (started or datetime.now(UTC)) - timedelta(hours=1)
