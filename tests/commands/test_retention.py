"""What is let go of, what stays, and that the record says so and still verifies."""

import uuid
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from commands import audit, partitions, pruning, retention
from commands.models import AuditEvent, Chain, Execution, TranscriptChunk
from commands.retention import BadPeriod, Periods

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime.now(UTC)
OLD, NEWER = NOW - timedelta(days=100), NOW - timedelta(days=3)


def pruneaudit(*arguments: str) -> str:
    out = StringIO()
    call_command("pruneaudit", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def months() -> None:
    """The partitions that there would be, had it run all the time."""
    for days in (200, 130, 70):
        partitions.ensure(now=NOW - timedelta(days=days))


def make_event(at: datetime, **fields: Any) -> AuditEvent:
    return AuditEvent.objects.create(**({"at": at, "kind": "login", "outcome": "ok", "node": "n"} | fields))


def make_execution(started: datetime, **fields: Any) -> Execution:
    values = {"user_id": 1, "username": "ann", "verb": "list", "door": "imap", "outcome": "exit"}
    return Execution.objects.create(started=started, **(values | fields))


def make_chunk(at: datetime) -> TranscriptChunk:
    return TranscriptChunk.objects.create(execution_id=uuid.uuid4(), sequence=1, at=at, offset=0, stream="o", size=1)


def sealed(at: datetime, monkeypatch: pytest.MonkeyPatch) -> AuditEvent:
    """An event that was recorded, and sealed, at that time."""
    with monkeypatch.context() as patch:
        patch.setattr("django.utils.timezone.now", lambda: at)
        audit.record_now(kind="login", outcome="ok", actor="ann")
    return AuditEvent.objects.latest("pk")


def test_everything_is_kept_for_ever_unless_somebody_says_otherwise():
    make_event(OLD)
    assert "kept for ever" in pruneaudit()
    assert AuditEvent.objects.count() == 1


def test_old_events_go_and_the_record_says_so():
    make_event(OLD)
    new = make_event(NEWER)
    assert "Let go of 1 audit events from before" in pruneaudit("--events", "60", "--transcripts", "60")
    new.refresh_from_db()
    change = AuditEvent.objects.exclude(pk=new.pk).get(reason__startswith="events")
    assert (change.kind, change.outcome) == ("change", "checkpoint")


def test_old_transcripts_and_executions_go_by_themselves():
    make_event(OLD)
    make_chunk(OLD), make_chunk(NEWER)
    make_execution(OLD), make_execution(NEWER)
    pruneaudit("--transcripts", "60")
    assert (TranscriptChunk.objects.count(), Execution.objects.count()) == (1, 2)
    pruneaudit("--transcripts", "60", "--executions", "60")
    assert Execution.objects.get().started == NEWER
    assert AuditEvent.objects.filter(at=OLD).exists()
    assert AuditEvent.objects.filter(kind="change", outcome="pruned", reason__startswith="1 executions").exists()


def test_executions_go_a_batch_at_a_time_and_all_of_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        make_execution(OLD)
    pruneaudit("--executions", "60", "--transcripts", "60")
    assert not Execution.objects.exists()


def test_settings_are_the_default(settings: Any):
    settings.IMAPX = settings.IMAPX | {"KEEP_EVENTS_DAYS": 60, "KEEP_TRANSCRIPTS_DAYS": 30}
    make_event(OLD)
    pruneaudit("--events", "150")
    assert AuditEvent.objects.filter(at=OLD).exists()
    pruneaudit()
    assert not AuditEvent.objects.filter(at=OLD).exists()


def test_dry_run_says_what_would_go_and_leaves_it():
    make_event(OLD)
    assert "Would let go of 1 audit events" in pruneaudit("--events", "60", "--transcripts", "60", "--dry-run")
    assert AuditEvent.objects.count() == 1


def test_what_runs_is_kept_with_its_events():
    running = make_execution(OLD, outcome="")
    make_event(OLD, execution_id=running.pk)
    make_event(OLD - timedelta(days=70))
    make_chunk(OLD)
    pruneaudit("--events", "60", "--executions", "60", "--transcripts", "60")
    assert Execution.objects.get() == running
    assert AuditEvent.objects.filter(execution_id=running.pk).exists()
    assert not AuditEvent.objects.filter(at__lt=OLD - timedelta(days=60)).exists()
    assert TranscriptChunk.objects.exists()


def test_second_run_finds_nothing():
    make_event(OLD)
    pruneaudit("--events", "60", "--transcripts", "60")
    assert "no audit events" in pruneaudit("--events", "60", "--transcripts", "60")


def test_chain_begins_after_what_went(monkeypatch: pytest.MonkeyPatch):
    last = [sealed(OLD + timedelta(minutes=minute), monkeypatch) for minute in range(3)][-1]
    sealed(NEWER, monkeypatch)
    pruneaudit("--events", "60", "--transcripts", "60")
    chain = Chain.objects.get(pk=last.chain_id)
    assert (chain.first_sequence, bytes(chain.first_mac)) == (last.sequence + 1, bytes(last.mac))
    assert AuditEvent.objects.filter(chain_id=chain.pk).order_by("sequence")[0].sequence == last.sequence + 1


def test_record_still_verifies_after_it(monkeypatch: pytest.MonkeyPatch):
    for at in (OLD, OLD + timedelta(minutes=1), NEWER):
        chain = sealed(at, monkeypatch).chain_id
    verify(chain)
    pruneaudit("--events", "60", "--transcripts", "60")
    verify(chain)


def verify(chain: uuid.UUID | None) -> None:
    """Raises SystemExit if it does not."""
    call_command("verifyaudit", "--chain", str(chain), stdout=StringIO())


def test_no_hole_is_left_in_a_chain_whose_clock_was_set_back(monkeypatch: pytest.MonkeyPatch):
    sealed(NEWER, monkeypatch)
    back = sealed(OLD, monkeypatch)
    with pytest.raises(CommandError, match="hole"):
        pruneaudit("--events", "60", "--transcripts", "60")
    back.refresh_from_db()


def test_what_is_before_the_hole_goes(monkeypatch: pytest.MonkeyPatch):
    first = sealed(OLD - timedelta(days=70), monkeypatch)
    stay = [sealed(NEWER, monkeypatch), sealed(OLD, monkeypatch)]
    pruneaudit("--events", "60", "--transcripts", "60")
    kept = set(AuditEvent.objects.filter(chain_id=first.chain_id, kind=first.kind).values_list("pk", flat=True))
    assert first.pk not in kept
    assert {event.pk for event in stay} <= kept
    verify(first.chain_id)


def test_events_are_append_only_again_after_it():
    make_event(OLD), make_event(NEWER)
    pruneaudit("--events", "60", "--transcripts", "60")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM commands_auditevent")


@pytest.mark.parametrize(
    ("periods", "words"),
    [
        (Periods(-1, 0, 0), "events: -1 days. 2 to 36500, or 0 for ever"),
        (Periods(0, 1, 0), "executions: 1 days"),
        (Periods(0, 0, 40_000), "transcripts: 40000 days"),
        (Periods(30, 0, 0), "can't be kept for longer than their events"),
        (Periods(30, 0, 31), "to 30 days or less"),
        (Periods(0, 30, 31), "can't be kept for longer than their executions"),
    ],
)
def test_periods_that_make_no_sense_are_refused(periods: Periods, words: str):
    with pytest.raises(BadPeriod, match=words):
        periods.check()
    arguments = [f"--{name}={getattr(periods, name)}" for name in ("events", "executions", "transcripts")]
    with pytest.raises(CommandError, match=words):
        pruneaudit(*arguments)


@pytest.mark.parametrize("periods", [Periods(0, 0, 0), Periods(30, 0, 30), Periods(30, 90, 7), Periods(0, 0, 7)])
def test_periods_that_make_sense_are_taken(periods: Periods):
    periods.check()


def test_while_a_backup_reads_nothing_goes_and_it_may_be_run_again(monkeypatch: pytest.MonkeyPatch):
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite a reader keeps nobody from deleting")
    monkeypatch.setattr(pruning, "TRIES", 1)
    monkeypatch.setattr(pruning, "LOCK_SECONDS", 0.1)
    chain = sealed(OLD, monkeypatch).chain_id
    sealed(NEWER, monkeypatch)
    backup = connection.copy()
    try:
        backup.set_autocommit(False)
        with backup.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM commands_auditevent")
        with pytest.raises(CommandError, match="It may be run again"):
            pruneaudit("--events", "60", "--transcripts", "60")
    finally:
        backup.close()
    assert AuditEvent.objects.filter(at=OLD).exists()
    verify(chain)
    pruneaudit("--events", "60", "--transcripts", "60")
    assert not AuditEvent.objects.filter(at=OLD).exists()
    verify(chain)
