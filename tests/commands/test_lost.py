"""Executions whose server died are marked lost, once, and those of living servers are left alone."""

import asyncio
import os
import subprocess
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from commands import audit
from commands.attempt import Accepted, Attempt, End
from commands.evidence import head
from commands.lost import Lost, find_lost, mark_lost, sweep, watch
from commands.models import AuditEvent, Chain, Connection, EndRequest, Execution, Watcher
from commands.outcome import Outcome
from commands.rulebook.snapshot import VerbEntry

pytestmark = pytest.mark.django_db(transaction=True)

HOST = head.node().rpartition(":")[0]


def dead_pid() -> int:
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    return process.pid


def running(node: str, unseen: float = 0, **chain) -> Execution:
    """An execution of another process, whose writer was seen so many seconds ago."""
    now = timezone.now()
    seen = now - timedelta(seconds=unseen)
    owner = Chain.objects.create(node=node, key_id="k", started_at=seen, seen_at=seen, **chain)
    return Execution.objects.create(
        user_id=7, username="ann", verb="v", door="imap", started=now, chain_id=owner.pk, node=node, tls=True
    )


def lost() -> list[uuid.UUID]:
    """Mark, and return those that are."""
    while found := find_lost():
        audit.writer.submit_now(partial(mark_lost, found))
    return sorted(Execution.objects.filter(outcome=Outcome.LOST).values_list("pk", flat=True))


def test_execution_of_a_process_that_is_gone_is_lost_and_its_exit_recorded_once():
    execution = running(node := f"{HOST}:{dead_pid()}")
    assert lost() == [execution.pk]
    assert lost() == [execution.pk]
    event = AuditEvent.objects.get()
    assert (event.kind, event.outcome, event.execution_id, event.verb) == ("exit", "lost", execution.pk, "v")
    assert (event.actor_id, event.actor, event.tls, event.reason) == (7, "ann", True, f"its server died: {node}")
    execution.refresh_from_db()
    assert execution.ended is not None


def test_execution_of_a_living_process_is_not_lost():
    running(f"{HOST}:{os.getppid()}", unseen=30)
    running("other.example:1", unseen=30)
    assert lost() == []


def test_execution_of_another_machine_is_lost_when_that_was_not_seen_for_a_minute():
    execution = running("other.example:1", unseen=90)
    running("other.example:1", unseen=30)
    assert lost() == [execution.pk]


def test_execution_of_a_writer_that_has_ended_is_lost():
    execution = running(f"{HOST}:{os.getppid()}", ended_at=timezone.now())
    assert lost() == [execution.pk]


def test_execution_of_a_process_that_had_this_ones_number_is_lost():
    execution = running(head.node())
    assert lost() == [execution.pk]


def test_execution_of_no_known_chain_is_lost():
    execution = running("other.example:1")
    Chain.objects.all().delete()
    assert lost() == [execution.pk]


def test_execution_of_a_server_that_starts_while_they_are_looked_for_is_not_lost():
    execution = running("other.example:1", unseen=90)
    started: list[Execution] = []

    def start_another(execute, *arguments):
        found = execute(*arguments)
        if not started:
            started.append(execution)
            running("new.example:1")
        return found

    with connection.execute_wrapper(start_another):
        found = find_lost()
    assert [each.execution for each in found] == [execution]
    assert Execution.objects.count() == 2


def test_execution_that_names_no_chain_is_lost():
    execution = running("other.example:1")
    Execution.objects.update(chain_id=None)
    assert lost() == [execution.pk]


def test_more_than_fit_into_one_unit_are_lost():
    first = running("other.example:1", unseen=90)
    Execution.objects.bulk_create(
        Execution(user_id=7, username="ann", verb="v", door="imap", started=first.started, chain_id=first.chain_id)
        for _ in range(250)
    )
    assert len(lost()) == 251
    assert AuditEvent.objects.count() == 251


def test_what_dead_processes_and_pages_have_left_is_deleted_and_nothing_else():
    now = timezone.now()
    gone, here = running("other.example:1", unseen=90), running("other.example:2")
    keys = [
        Connection.objects.create(
            user_id=7, username="ann", door="imap", since=now, chain_id=each.chain_id, node=each.node
        ).pk
        for each in (gone, here)
    ]
    for target in (uuid.uuid4(), keys[0], keys[1], here.pk):
        EndRequest.objects.create(target=target, reason="test", made_by="admin", made_at=now - timedelta(hours=1))
    for channel, unseen in (("closed", 600), ("open", 1)):
        Watcher.objects.create(channel=channel, execution_id=here.pk, seen_at=now - timedelta(seconds=unseen))
    assert audit.writer.submit_now(sweep) == 1
    assert Connection.objects.get().pk == keys[1]
    assert set(EndRequest.objects.values_list("target", flat=True)) == {keys[1], here.pk}
    assert Watcher.objects.get().channel == "open"


def accepted() -> Accepted:
    limits = {"time_limit": 1, "idle_limit": 1, "output_limit": 1, "input_limit": 1}
    flags = {"changes_mail": False, "send_stderr": False}
    verb = VerbEntry(1, "v", "", "one-shot", "program", ("/bin/true",), {}, signatures=(), **limits, **flags)
    attempt = Attempt(7, "ann", "v", (), "imap", client_id="mutt")
    return Accepted(uuid.uuid4(), attempt, verb, (), revision=1, started=0)


def accept(mine: Accepted) -> None:
    audit.insert_execution(mine, ())
    audit.record_event(kind="accept", outcome="accepted")


async def test_execution_of_this_process_is_not_lost_after_its_writer_began_another_chain():
    mine = accepted()
    await audit.writer.submit(
        lambda: (audit.insert_execution(mine, ()), audit.record_event(kind="accept", outcome="x"))
    )
    audit.writer.stop()
    await audit.writer.submit(lambda: audit.record_event(kind="login", outcome="ok"))
    assert await asyncio.to_thread(_closing, find_lost) == []


async def test_execution_that_is_accepted_while_the_lost_are_looked_for_is_none_of_them():
    mine = accepted()
    await audit.writer.submit(lambda: accept(mine))
    row = await asyncio.to_thread(_closing, Execution.objects.get)
    assert await audit.writer.submit(partial(mark_lost, [Lost(row, None)])) == 0


async def seen_to(condition: Callable[[], object]) -> None:
    """Watch until this is so."""
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        while not await asyncio.to_thread(_closing, condition):
            await asyncio.sleep(0.02)
        watching.cancel()


def _closing(act: Callable[[], object]) -> object:
    try:
        return act()
    finally:
        connection.close()


async def test_what_is_lost_is_marked_although_partitions_can_not_be_made(postgres, caplog):
    def rename(table: str, name: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")

    await asyncio.to_thread(_closing, lambda: running("other.example:1", unseen=90))
    default = "commands_auditevent_default"
    await asyncio.to_thread(_closing, lambda: rename(default, "away"))
    try:
        await seen_to(Execution.objects.filter(outcome=Outcome.LOST).exists)
    finally:
        await asyncio.to_thread(_closing, lambda: rename("away", default))
    assert "could not be made" in caplog.text


async def test_server_makes_the_key_when_it_starts(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    await seen_to((tmp_path / "audit" / "sealing-key").exists)


async def test_server_says_when_it_starts_that_its_key_can_not_be_used(settings, tmp_path, caplog):
    settings.DATA_DIR = tmp_path
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "sealing-key").write_text("rubbish")
    await seen_to(lambda: caplog.records)
    assert "Nothing can be recorded, so nothing will be run: no sealing key: " in caplog.text


def test_execution_that_was_taken_for_lost_and_was_not_ends_after_all():
    mine = accepted()
    audit.writer.submit_now(lambda: accept(mine))
    Execution.objects.update(outcome=Outcome.LOST)
    end = End(Outcome.EXIT, 0, 1, 2, 0.5)
    for _ in range(2):
        audit.writer.submit_now(lambda: audit.write_exit(mine, end.outcome, "", end))
    assert AuditEvent.objects.filter(kind="exit").count() == 1
    row = Execution.objects.get()
    assert (row.outcome, row.client_id, row.chain_id) == ("exit", "mutt", AuditEvent.objects.first().chain_id)
    assert row.node == head.node()
