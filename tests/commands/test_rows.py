"""Rows of the record are as the ORM would write them, for every field of their models."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from commands import rows
from commands.models import AuditEvent, Execution
from commands.models.audit import AppendOnlyError

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def full_event() -> AuditEvent:
    return AuditEvent(
        at=NOW,
        kind="exit",
        outcome="exit",
        reason='why % "quoted"',
        actor_id=2**40,
        actor="grüße",
        remote_addr="2001:db8::1",
        tls=True,
        door="imap",
        execution_id=uuid.UUID(int=7),
        verb="blacklist",
        revision=2**40,
        rule_id=3,
        rule="allow user ann: blacklist",
        arguments=bytes(range(256)),
        arguments_text="add",
        exit_code=-3,
        bytes_in=2**40,
        bytes_out=0,
        duration=timedelta(days=1, microseconds=5),
        client_id="mutt",
        transcript_digest=bytes(range(32)),
        node="host:1",
        chain_id=uuid.UUID(int=8),
        sequence=2**40,
        epoch=2**30,
        mac=bytes(range(32, 64)),
    )


def least_event() -> AuditEvent:
    return AuditEvent(at=NOW, kind="login", outcome="ok", node="n")


def full_execution() -> Execution:
    return Execution(
        user_id=1,
        username="ann",
        verb="blacklist",
        arguments_text="add",
        door="imap",
        remote_addr="::1",
        tls=True,
        client_id="mutt",
        chain_id=uuid.UUID(int=8),
        node="host:1",
        transcript="full",
        started=NOW,
        ended=NOW,
        outcome="exit",
        exit_code=3,
        bytes_in=1,
        bytes_out=2,
    )


def least_execution() -> Execution:
    return Execution(user_id=1, username="ann", verb="blacklist", door="imap", started=NOW)


@pytest.mark.parametrize("make", [full_event, least_event, full_execution, least_execution])
def test_inserted_row_is_as_a_saved_one(make):
    saved, inserted = make(), make()
    saved.save(force_insert=True)
    rows.insert(inserted)
    values = type(inserted).objects.values()
    expected, found = values.get(pk=saved.pk), values.get(pk=inserted.pk)
    del expected["id"], found["id"]
    assert found == expected


def test_full_rows_leave_no_field_to_its_default():
    for full, least in ((full_event(), least_event()), (full_execution(), least_execution())):
        for field in full._meta.concrete_fields:
            if field.blank and not field.primary_key:
                assert getattr(full, field.name) != getattr(least, field.name), field


def test_inserted_event_can_not_be_saved_again():
    event = least_event()
    rows.insert(event)
    with pytest.raises(AppendOnlyError):
        event.save()


def test_key_that_is_there_is_refused():
    execution = full_execution()
    rows.insert(execution)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert(execution)


def test_update_changes_the_rows_that_match_and_counts_them():
    one, other = full_execution(), full_execution()
    rows.insert(one)
    rows.insert(other)
    later = NOW + timedelta(seconds=1)
    values = {"outcome": "signal", "ended": later, "exit_code": None}
    assert rows.update(Execution, values, where={"id": one.pk, "outcome": "exit"}) == 1
    assert rows.update(Execution, values, where={"id": one.pk, "outcome": "exit"}) == 0
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.outcome, one.ended, one.exit_code) == ("signal", later, None)
    assert (other.outcome, other.ended, other.exit_code) == ("exit", NOW, 3)
