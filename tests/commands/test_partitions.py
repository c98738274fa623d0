"""The record's partitions on PostgreSQL, by month; nothing of it on SQLite."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.migrations.executor import MigrationExecutor

from commands import partitions, rows
from commands.models import AuditEvent, TranscriptChunk
from commands.partitions import Month

pytestmark = pytest.mark.django_db

on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL's are partitioned")
NOW = datetime.now(UTC)


def make_event(at: datetime = NOW, **fields: Any) -> AuditEvent:
    event = AuditEvent(**({"at": at, "kind": "login", "outcome": "ok", "actor": "ann", "node": "n"} | fields))
    rows.insert(event)
    return event


def partition_of(event: AuditEvent) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM commands_auditevent WHERE id = %s", [event.pk])
        (name,) = cursor.fetchone()
    return str(name)


def names(table: str) -> list[str]:
    with connection.cursor() as cursor:
        return partitions.partitions(cursor, table)


def run(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    ("at", "month"),
    [
        (datetime(2030, 12, 31, 23, 59, tzinfo=UTC), Month(2030, 12)),
        (datetime.fromisoformat("2030-12-31T23:59:00-05:00"), Month(2031, 1)),
    ],
)
def test_month_is_utcs(at: datetime, month: Month):
    assert Month.of(at) == month


def test_december_is_followed_by_january():
    assert Month(2030, 12).next == Month(2031, 1)
    assert str(Month(2030, 1)) == "2030-01"


def test_nothing_is_made_where_tables_have_no_partitions():
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL's have them")
    assert partitions.ensure() == []
    assert make_event().pk


@on_postgresql
@pytest.mark.parametrize("table", partitions.TABLES)
def test_migrate_makes_this_month_and_the_next_ones(table: str):
    with connection.cursor() as cursor:
        assert set(partitions.months(cursor, table)) >= {Month.of(NOW), Month.of(NOW).next, Month.of(NOW).next.next}
    assert f"{table}_default" in names(table)


@on_postgresql
def test_months_are_made_once():
    later = datetime(2041, 11, 5, tzinfo=UTC)
    made = partitions.ensure(now=later)
    assert made == [f"{table}_{month}" for table in partitions.TABLES for month in ("2041_11", "2041_12", "2042_01")]
    assert partitions.ensure(now=later) == []


@on_postgresql
def test_event_goes_into_its_month_and_gets_its_number():
    first, second = make_event(), make_event()
    assert partition_of(first) == f"commands_auditevent_{NOW:%Y_%m}"
    assert second.pk == first.pk + 1


@on_postgresql
def test_event_of_a_month_without_a_partition_is_kept_and_moved_when_there_is_one():
    event = make_event(datetime(2050, 6, 15, tzinfo=UTC), arguments=b"3:add,")
    assert partition_of(event) == "commands_auditevent_default"
    assert "commands_auditevent_2050_06" in partitions.ensure()
    assert partition_of(event) == "commands_auditevent_2050_06"
    assert bytes(AuditEvent.objects.get(pk=event.pk).arguments) == b"3:add,"


@on_postgresql
@pytest.mark.parametrize("change", ["UPDATE {} SET at = at", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize(
    ("table", "what"), [(partitions.TABLES[0], "audit events"), (partitions.TABLES[1], "transcripts")]
)
def test_no_partition_can_be_changed_by_its_own_name(change: str, table: str, what: str):
    partitions.ensure(now=datetime(2041, 11, 5, tzinfo=UTC))
    for name in (table, *names(table)):
        with pytest.raises(IntegrityError, match=f"{what} can't be changed or deleted"):
            run(change.format(name))


def test_transcript_can_not_be_changed():
    TranscriptChunk.objects.create(
        execution_id=uuid.uuid4(), sequence=1, at=NOW, offset=0, stream="o", size=1, data=b"x"
    )
    for sql in ("UPDATE commands_transcriptchunk SET data = NULL", "DELETE FROM commands_transcriptchunk"):
        with pytest.raises(IntegrityError, match="transcripts can't be changed or deleted"):
            run(sql)
    assert bytes(TranscriptChunk.objects.get().data or b"") == b"x"


@pytest.mark.django_db(transaction=True)
def test_migration_moves_all_rows_there_and_back():
    """Keys, values, the counter and the indexes are as before; what comes after goes on counting."""
    partitions.ensure(now=NOW - timedelta(days=70))
    events = [make_event(NOW - timedelta(days=days), arguments=bytes([days])) for days in (70, 40, 0)]
    before = list(AuditEvent.objects.order_by("pk").values())
    indexes = index_names()
    executor = MigrationExecutor(connection)
    executor.migrate([("commands", "0003_policy_and_record")])
    assert list(AuditEvent.objects.order_by("pk").values()) == before
    assert connection.vendor != "postgresql" or names("commands_auditevent") == []
    executor = MigrationExecutor(connection)
    executor.migrate([("commands", "0004_partitions")])
    assert list(AuditEvent.objects.order_by("pk").values()) == before
    assert index_names() == indexes
    assert make_event().pk == events[-1].pk + 1
    call_command("migrate", verbosity=0)
    with pytest.raises(IntegrityError):
        run("DELETE FROM commands_auditevent")


def index_names() -> set[str]:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "commands_auditevent")
    return {name for name, each in constraints.items() if each["index"] and not each["primary_key"]}


@pytest.mark.django_db(transaction=True)
def test_later_migration_can_add_a_field_and_an_index():
    field = models.CharField(max_length=10, null=True)
    field.set_attributes_from_name("added")
    index = models.Index(fields=["door"], name="auditevent_door")
    with connection.schema_editor() as editor:
        editor.add_field(AuditEvent, field)
        editor.add_index(AuditEvent, index)
    make_event(at=datetime(2060, 1, 1, tzinfo=UTC)) if connection.vendor == "postgresql" else None
    partitions.ensure()
    with connection.schema_editor() as editor:
        editor.remove_index(AuditEvent, index)
        editor.remove_field(AuditEvent, field)
    assert make_event().pk
