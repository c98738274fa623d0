"""The record: what is written is what came in, at once, together, and by a store that may go away."""

import asyncio
import random
import threading
import time

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from commands import rows
from commands.audit import (
    StoreUnavailable,
    decode_arguments,
    encode_arguments,
    printable,
    record_all_now,
    record_event,
    record_login,
    record_now,
    writer,
)
from commands.audit_text import visible_ascii
from commands.models import AuditEvent, Rule
from commands.outcome import Outcome

# Four bytes each, and nothing that repeats, so that no database can pack it for an index.
WIDE = "".join(random.Random(1).choices([chr(code) for code in range(0x20000, 0x2A000)], k=1024))

store = pytest.mark.django_db(transaction=True)  # the writer has its own connection, and sees only what is committed


def login(actor: str = "ann") -> AuditEvent:
    return record_event(kind="login", outcome=Outcome.OK, actor=actor)


def run_sql(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def raw_connection():
    """A connection of the driver's own: usable beside a running event loop."""
    return connection.get_new_connection(connection.get_connection_params())


@pytest.fixture
def hasty(settings):
    settings.IMAPX = {**settings.IMAPX, "AUDIT_SECONDS": 0.2}


async def submit_together(units):
    """Submit units so that the writer finds them all when it has written what it is at."""
    busy, go = threading.Event(), threading.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(writer.submit(lambda: busy.set() or go.wait(10)))
        await asyncio.to_thread(busy.wait, 10)
        tasks = [group.create_task(outcome_of(unit)) for unit in units]
        await asyncio.sleep(0)  # each has run up to its wait
        go.set()
    return [task.result() for task in tasks]


async def outcome_of(unit):
    try:
        return await writer.submit(unit)
    except Exception as error:
        return error


# Text


@given(st.lists(st.binary()))
def test_arguments_come_back_equal(arguments):
    assert decode_arguments(encode_arguments(arguments)) == tuple(arguments)


@pytest.mark.parametrize("encoded", [b"3:ad,", b"3:addx", b"-1:,", b":,", b"x", b"3", b"1:a,2"])
def test_what_is_no_netstring_is_refused(encoded):
    with pytest.raises(ValueError):
        decode_arguments(encoded)


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        (b"joe@smith.com", "joe@smith.com"),
        ("grüße".encode(), "grüße"),
        (b"two words", '"two words"'),
        (b"", '""'),
        (b'a"b', '"a\\"b"'),
        (b"a\\x1b", "a\\\\x1b"),
        (b"\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        (b"safe\rrm -rf", '"safe\\x0drm -rf"'),
        (b"a\x00b\x7f", "a\\x00b\\x7f"),
        (b"\x9b2J", "\\x9b2J"),
        ("\x9b2J".encode(), "\\u009b2J"),
        ("\u202egpj.exe".encode(), "\\u202egpj.exe"),
        ("a\u2028b\u00a0".encode(), "a\\u2028b\\u00a0"),
        ("\U000e0041".encode(), "\\U000e0041"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
    ],
)
def test_argument_is_shown_without_what_moves_or_hides(argument, shown):
    assert printable(argument) == shown


@given(st.binary())
def test_whatever_is_shown_is_printable(argument):
    assert printable(argument).isprintable()


def test_text_for_the_client_is_ascii():
    assert visible_ascii("für\r\n\u202e") == "f\\xfcr\\x0d\\x0a\\u202e"


# Writer


@store
def test_unit_is_committed_when_submit_returns():
    event = asyncio.run(writer.submit(login))
    assert AuditEvent.objects.get() == event  # by this thread's own connection


@store
@pytest.mark.parametrize("name", ["ann\x00", "x" * 3000, WIDE, "\udcff", "\u202eann"])
def test_name_that_the_column_would_refuse_is_recorded_all_the_same(name):
    asyncio.run(record_login(username=name, user_id=None, outcome=Outcome.FAILED, remote_addr="fe80::1%eth0", tls=True))
    event = AuditEvent.objects.get()
    assert event.actor.isprintable()
    assert len(event.actor) <= 600
    assert (event.remote_addr, event.tls, event.outcome) == ("fe80::1", True, "failed")


@store
def test_argument_bytes_are_kept():
    arguments = (b"\xff\xfe", b"", b"a,b", bytes(range(1, 256)) * 64)
    asyncio.run(writer.submit(lambda: record_event(kind="login", outcome=Outcome.OK, arguments=arguments)))
    assert decode_arguments(AuditEvent.objects.get().arguments) == arguments


@store
def test_what_has_gathered_is_committed_in_one_transaction():
    other = raw_connection()

    def count_in_both():
        ours = AuditEvent.objects.count()
        return ours, other.execute("SELECT count(*) FROM commands_auditevent").fetchone()[0]

    outcomes = asyncio.run(submit_together([login] * 20 + [count_in_both]))
    other.close()
    assert outcomes[-1] == (20, 0)
    assert AuditEvent.objects.count() == 20


@store
def test_bad_unit_does_not_refuse_the_others_of_its_batch():
    def break_a_rule_of_the_store():
        AuditEvent._base_manager.update(actor="eve")

    def have_a_bug():
        raise LookupError

    units = [login, break_a_rule_of_the_store, login, have_a_bug, login]
    outcomes = asyncio.run(submit_together(units))
    assert [type(outcome) for outcome in outcomes] == [
        *(AuditEvent, StoreUnavailable, AuditEvent),
        *(LookupError, AuditEvent),
    ]
    assert AuditEvent.objects.count() == 3
    assert asyncio.run(writer.submit(lambda: 1)) == 1


@store
def test_store_that_does_not_answer_in_time_is_unavailable_and_a_late_commit_is_undone(hasty):
    other = raw_connection()
    other.execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "LOCK TABLE commands_auditevent")

    async def conversation():
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await writer.submit(lambda: login("late"), undo=lambda event: login(f"undo of {event.actor}"))
        waited = time.monotonic() - began
        other.rollback()
        async with asyncio.timeout(10):
            await settled()
        return waited

    assert asyncio.run(conversation()) < 1
    other.close()
    assert list(AuditEvent.objects.order_by("pk").values_list("actor", flat=True)) == ["late", "undo of late"]


async def settled():
    """Wait until all that was submitted is written, and then what that has led to."""
    for _ in range(2):
        while isinstance(await outcome_of(lambda: None), StoreUnavailable):
            pass


@store
def test_what_a_cancelled_caller_has_submitted_is_undone():
    async def conversation():
        task = asyncio.get_running_loop().create_task(writer.submit(login, undo=lambda event: login("undo")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await settled()

    asyncio.run(conversation())
    assert list(AuditEvent.objects.order_by("pk").values_list("actor", flat=True)) == ["ann", "undo"]


@store
def test_answer_that_a_cancelled_caller_could_not_take_is_undone():
    async def conversation():
        loop = asyncio.get_running_loop()
        committed = asyncio.Event()

        def unit():
            loop.call_soon_threadsafe(committed.set)
            return login()

        task = loop.create_task(writer.submit(unit, undo=lambda event: login("undo")))
        await committed.wait()
        writer.stop()  # the answer is on its way to the loop, which this holds up
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await settled()

    asyncio.run(conversation())
    assert list(AuditEvent.objects.order_by("pk").values_list("actor", flat=True)) == ["ann", "undo"]


@store
def test_stop_writes_what_is_queued_and_the_next_submit_starts_again():
    async def conversation():
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(writer.submit(login))
            await asyncio.sleep(0)
            writer.stop()
            writer.stop()
        await writer.submit(login)

    asyncio.run(conversation())
    assert AuditEvent.objects.count() == 6


@store
def test_login_goes_on_without_a_store(caplog):
    run_sql("ALTER TABLE commands_auditevent RENAME TO away")
    try:
        asyncio.run(record_login(username="ann", user_id=1, outcome=Outcome.OK, remote_addr=None, tls=False))
    finally:
        run_sql("ALTER TABLE away RENAME TO commands_auditevent")
    assert "Not recorded: login of 'ann'" in caplog.text
    assert asyncio.run(writer.submit(login)).pk


@store
def test_lost_connection_does_not_lose_an_event(postgres):
    asyncio.run(writer.submit(login))
    run_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
    )
    asyncio.run(writer.submit(login))
    assert AuditEvent.objects.count() == 2


@store
def test_store_that_comes_back_is_used_again(postgres):
    asyncio.run(writer.submit(login))
    connection.close()
    postgres.stop()
    try:
        with pytest.raises(StoreUnavailable):
            asyncio.run(writer.submit(login))
    finally:
        postgres.start()
    asyncio.run(writer.submit(login))
    assert AuditEvent.objects.count() == 2


@store
def test_units_of_a_map_that_has_changed_run_again_by_the_one_of_now():
    """On PostgreSQL the revision is not read before, but checked by what inserts; on SQLite it is read."""
    Rule.objects.create(everyone=True, all_verbs=True, reason="any change")
    seen = []

    def look(actor: str):
        seen.append(rows.revision())
        return login(actor)

    asyncio.run(writer.submit(lambda: look("first")))
    Rule.objects.update(effect="deny")  # by another connection
    asyncio.run(submit_together([lambda: look("second"), lambda: seen.append(rows.revision())]))
    number = rows.read_revision()
    assert seen[0] < number
    assert seen[-2:] == [number, number]
    assert list(AuditEvent.objects.order_by("pk").values_list("actor", flat=True)) == ["first", "second"]


@store
def test_unit_that_writes_nothing_sees_a_map_that_has_changed():
    Rule.objects.create(everyone=True, all_verbs=True, reason="any change")
    asyncio.run(writer.submit(rows.revision))
    Rule.objects.update(effect="deny")
    assert asyncio.run(writer.submit(rows.revision)) == rows.read_revision()


@store
def test_what_a_unit_reads_has_what_it_inserted():
    assert asyncio.run(writer.submit(lambda: (login(), AuditEvent.objects.count())[1])) == 1


@store
def test_unit_that_would_wait_for_itself_is_refused():
    with pytest.raises(RuntimeError, match="wait for itself"):
        asyncio.run(writer.submit(lambda: record_now(kind="view", outcome="ok")))


@store
def test_transaction_on_sqlite_is_not_waited_for_in_vain():
    began = time.monotonic()
    with transaction.atomic():
        if connection.vendor == "sqlite":
            with pytest.raises(StoreUnavailable, match="holds the lock"):
                record_now(kind="view", outcome="ok")
        else:
            record_now(kind="view", outcome="ok")
    assert time.monotonic() - began < 1


@store
def test_event_is_on_the_disk_although_the_server_does_not_wait_for_that(postgres):
    """The server of this run has synchronous_commit off. It also writes, and waits, by itself now and then."""

    def on_the_disk() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_insert_lsn() <= pg_current_wal_flush_lsn()")
            return cursor.fetchone() == (True,)

    written = []
    for _ in range(5):
        asyncio.run(writer.submit(login))
        written.append(on_the_disk())
    assert sum(written) >= 4
    compared = []
    for _ in range(5):
        Rule.objects.create(everyone=True, all_verbs=True, reason="any change")
        compared.append(on_the_disk())
    assert sum(compared) <= 2


@store
def test_event_can_be_recorded_from_any_thread():
    record_now(kind="change", outcome="changed", actor="ann", reason="by hand")
    record_all_now([{"kind": "view", "outcome": "ok", "actor": name} for name in ("bob", "eve")])
    assert list(AuditEvent.objects.order_by("pk").values_list("actor", flat=True)) == ["ann", "bob", "eve"]
    run_sql("ALTER TABLE commands_auditevent RENAME TO away")
    try:
        with pytest.raises(StoreUnavailable):
            record_now(kind="view", outcome="ok")
    finally:
        run_sql("ALTER TABLE away RENAME TO commands_auditevent")
