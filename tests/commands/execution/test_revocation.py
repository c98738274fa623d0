"""What runs by a right that is taken away is ended within a second, and says why in the record."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone

from commands.attempt import Attempt, End
from commands.execution import revocation
from commands.execution.execution import Execution, run
from commands.models import AuditEvent, Lock, Rule, Tag, Verb
from commands.outcome import Outcome
from tests.support.postgres import Postgres

from .conftest import PROGRAMS

pytestmark = pytest.mark.django_db(transaction=True)

DEADLINE = 20


@pytest.fixture
def ann() -> User:
    user = User.objects.create_user("ann")
    user.groups.add(Group.objects.create(name="staff"))
    return user


@pytest.fixture
def verb() -> Verb:
    verb = Verb.objects.create(name="waits", argv=[str(PROGRAMS / "never-reads")])
    verb.tags.add(Tag.objects.create(name="slow"))
    return verb


@pytest.fixture
def rule(ann: User, verb: Verb) -> Rule:
    return Rule.objects.create(user=ann, verb=verb, reason="test")


async def started(execution: Execution) -> None:
    while await execution.read():
        pass


async def run_and(change: Callable[[], Any], user: User, verb: str = "waits") -> tuple[End, float]:
    """Run it, make the change as soon as it runs; how it came out, and how many seconds after the change."""
    runs = asyncio.Event()

    async def carry(execution: Execution) -> None:
        runs.set()
        await started(execution)

    attempt = Attempt(user.pk, user.username, verb, (), door="test", remote_addr="192.0.2.7")
    async with asyncio.timeout(DEADLINE):
        task = asyncio.get_running_loop().create_task(run(attempt, carry))
        await runs.wait()
        await database_sync_to_async(change)()  # which closes its connection
        changed = time.monotonic()
        return await task, time.monotonic() - changed


def exit_event() -> tuple[str, str]:
    return AuditEvent.objects.values_list("outcome", "reason").get(kind="exit")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: Lock.objects.create(user=User.objects.get(), reason="lost phone"), "user ann (lost phone)"),
        (lambda: Lock.objects.create(verb=Verb.objects.get(), reason="a fault"), "verb waits (a fault)"),
        (lambda: Lock.objects.create(network="192.0.2.0/24", reason="noise"), "network 192.0.2.0/24 (noise)"),
        (lambda: Lock.objects.create(everything=True, reason="stop"), "everything (stop)"),
        (lambda: Rule.objects.all().delete(), "no rule allows it"),
        (lambda: Rule.objects.update(enabled=False), "no rule allows it"),
        (lambda: Rule.objects.create(effect="deny", everyone=True, all_verbs=True, reason="no"), "deny everyone"),
        (lambda: User.objects.update(is_active=False), "active"),
        (lambda: User.objects.update(username="ann2"), "ann2"),
        (lambda: Verb.objects.update(enabled=False), "enabled"),
        (lambda: Rule.objects.update(valid_until=timezone.now() + timedelta(seconds=1)), "no rule allows it"),
    ],
    ids=[
        "user",
        "verb",
        "network",
        "everything",
        "deleted",
        "disabled",
        "deny",
        "inactive",
        "renamed",
        "verb-off",
        "time",
    ],
)
def test_right_that_is_taken_away_ends_what_runs_by_it(
    ann: User, rule: Rule, change: Callable[[], Any], reason: str
) -> None:
    end, seconds = asyncio.run(run_and(change, ann))
    assert end.outcome is Outcome.REVOKED
    assert seconds < (1.0 if reason != "no rule allows it" else 3.0)
    outcome, recorded = exit_event()
    assert outcome == "revoked"
    assert reason in recorded


def test_group_that_is_left_ends_what_it_alone_allowed(ann: User, verb: Verb) -> None:
    Rule.objects.create(group=Group.objects.get(), tag=Tag.objects.get(), reason="test")
    end, _ = asyncio.run(run_and(lambda: User.groups.through.objects.all().delete(), ann))
    assert end.outcome is Outcome.REVOKED


def test_lock_is_named_with_its_number(ann: User, rule: Rule) -> None:
    asyncio.run(run_and(lambda: Lock.objects.create(user=ann, reason="lost phone"), ann))
    assert exit_event() == ("revoked", f"lock {Lock.objects.get().pk}: user ann (lost phone)")


@pytest.mark.parametrize(
    "change",
    [
        lambda: Rule.objects.filter(user__isnull=False).delete(),
        lambda: Lock.objects.create(user=User.objects.create(username="eve"), reason="test"),
        lambda: Lock.objects.create(network="198.51.100.0/24", reason="test"),
        lambda: Lock.objects.create(everything=True, reason="test", until=timezone.now() - timedelta(seconds=1)),
        lambda: Rule.objects.create(effect="limit", everyone=True, all_verbs=True, at_once=1, reason="test"),
    ],
    ids=["another rule", "another user", "another network", "over", "limit"],
)
def test_execution_that_is_allowed_all_the_same_goes_on(ann: User, rule: Rule, change: Callable[[], Any]) -> None:
    Rule.objects.create(everyone=True, all_verbs=True, reason="test")
    Verb.objects.update(time_limit=2)  # several looks and one of those for times
    end, _ = asyncio.run(run_and(change, ann))
    assert end.outcome is Outcome.TIMEOUT


def test_program_that_ignores_term_is_gone_within_a_second_too(ann: User, rule: Rule) -> None:
    Verb.objects.update(argv=[str(PROGRAMS / "ignores-term")])
    end, seconds = asyncio.run(run_and(lambda: Lock.objects.create(everything=True, reason="test"), ann))
    assert end.outcome is Outcome.REVOKED
    assert seconds < 1.5


def test_change_between_the_accept_and_the_watch_is_seen(ann: User, rule: Rule, accept: Callable[..., Any]) -> None:
    """What was accepted by the map of before is looked at, though the change came before it was watched."""

    async def watched_late() -> tuple[Outcome, str]:
        accepted = accept("never-reads")
        ended = asyncio.get_running_loop().create_future()
        with revocation.Watch().over(accepted, lambda *how: ended.done() or ended.set_result(how)):
            async with asyncio.timeout(DEADLINE):
                return await ended

    outcome, _ = asyncio.run(watched_late())  # of revision 1, by a user and a verb that are not in the map
    assert outcome is Outcome.REVOKED


def test_one_that_cannot_be_ended_does_not_keep_the_others_from_it(
    ann: User, rule: Rule, accept: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def watched() -> tuple[Outcome, str]:
        ended = asyncio.get_running_loop().create_future()

        def fail(outcome: Outcome, reason: str) -> None:
            raise PermissionError("it is somebody else's")

        def end(*how: Any) -> None:
            if not ended.done():
                ended.set_result(how)

        watch = revocation.Watch()
        with watch.over(accept("never-reads"), fail), watch.over(accept("never-reads"), end):
            async with asyncio.timeout(DEADLINE):
                return await ended

    assert asyncio.run(watched())[0] is Outcome.REVOKED
    assert "could not be ended" in caplog.text


def test_nothing_looks_while_nothing_runs(ann: User, rule: Rule) -> None:
    Verb.objects.update(argv=["/bin/true"])

    async def once() -> list[asyncio.Task[Any]]:
        await run(Attempt(ann.pk, "ann", "waits", (), door="test"), started)
        async with asyncio.timeout(DEADLINE):
            while revocation.watch._rounds._loop is not None:
                await asyncio.sleep(0.05)
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert asyncio.run(once()) == []
    assert not revocation.watch._watched


# The database is away


@contextlib.contextmanager
def away() -> Iterator[None]:
    """While in it, nobody gets at the database."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        with contextlib.closing(sqlite3.connect(settings["NAME"], isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
    else:
        with psycopg.connect(dbname=settings["NAME"], user=settings["USER"], host=settings["HOST"]) as other:
            other.execute("LOCK TABLE commands_maprevision IN ACCESS EXCLUSIVE MODE")
            yield


def test_without_a_record_it_goes_on_for_so_long_and_is_ended_then(
    ann: User, rule: Rule, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("commands.execution.execution.watch", revocation.Watch(look_seconds=0.1, away_seconds=3))
    runs = asyncio.Event()

    async def in_vain() -> tuple[Outcome, float]:
        ended: list[float] = []

        async def carry(execution: Execution) -> None:
            runs.set()
            await started(execution)
            ended.append(time.monotonic())

        attempt = Attempt(ann.pk, "ann", "waits", (), door="test")
        async with asyncio.timeout(DEADLINE):
            task = asyncio.get_running_loop().create_task(run(attempt, carry))
            await runs.wait()
            with away():
                left = time.monotonic()
                while not ended:
                    await asyncio.sleep(0.05)
            return (await task).outcome, ended[0] - left

    outcome, seconds = asyncio.run(in_vain())
    assert outcome is Outcome.AUDIT_LOST
    assert 2 < seconds < 4
    assert caplog.text.count("it is tried again") == 1


def test_store_that_comes_back_in_time_ends_nothing(ann: User, rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.execution.execution.watch", revocation.Watch(look_seconds=0.1, away_seconds=8))
    Verb.objects.update(time_limit=6)
    runs = asyncio.Event()

    async def for_a_while() -> Outcome:
        async def carry(execution: Execution) -> None:
            runs.set()
            await started(execution)

        async with asyncio.timeout(DEADLINE):
            task = asyncio.get_running_loop().create_task(run(Attempt(ann.pk, "ann", "waits", (), door="test"), carry))
            await runs.wait()
            with away():
                await asyncio.sleep(2.5)  # longer than one look waits for its answer
            return (await task).outcome

    assert asyncio.run(for_a_while()) is Outcome.TIMEOUT
    assert exit_event()[0] == "timeout"


def test_server_of_the_database_that_dies_is_away_too(
    ann: User, rule: Rule, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.execution.execution.watch", revocation.Watch(look_seconds=0.1, away_seconds=2))
    runs = asyncio.Event()

    async def in_vain() -> Outcome:
        async def carry(execution: Execution) -> None:
            runs.set()
            await started(execution)

        async with asyncio.timeout(DEADLINE):
            task = asyncio.get_running_loop().create_task(run(Attempt(ann.pk, "ann", "waits", (), door="test"), carry))
            await runs.wait()
            await asyncio.to_thread(postgres.stop)
            return (await task).outcome

    try:
        outcome = asyncio.run(in_vain())
    finally:
        postgres.start()
        connection.close()
    assert outcome is Outcome.AUDIT_LOST
