"""Connections that have logged in: in the table while they are there, and ended when somebody wants it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone

from commands.live import connections, now, watching
from commands.live.ending import Actor, end_connection, end_execution, end_user
from commands.live.look import look
from commands.models import AuditEvent, Chain, Connection, EndRequest, Execution, Watcher
from tests.commands.admin.conftest import make_execution

pytestmark = pytest.mark.django_db(transaction=True)

ADMIN = Actor(1, "admin", "192.0.2.1", tls=True)


@pytest.fixture(autouse=True)
async def _nothing_left(settings: Any, tmp_path: Any) -> AsyncIterator[None]:
    settings.DATA_DIR = tmp_path
    yield
    await look.finish()
    assert not look.targets


async def arrive(end: Callable[[str, str], None], username: str = "ann", user_id: int = 7) -> uuid.UUID:
    return await connections.arrived(
        user_id=user_id,
        username=username,
        remote_addr="192.0.2.7",
        tls=True,
        client_id="Mutt",
        door="imap",
        end=end,
    )


def ignore(why: str, reason: str) -> None:
    raise AssertionError("nobody wants it to end")


def fail(why: str, reason: str) -> None:
    raise ValueError("it can't be ended")


async def fetch(ask: Callable[[], Any]) -> Any:
    return await database_sync_to_async(ask)()


async def eventually(ask: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await fetch(ask):
            await asyncio.sleep(0.02)


async def test_row_comes_with_the_login_and_goes_with_the_client() -> None:
    key = await arrive(ignore)
    (row,) = await fetch(now.connected)
    assert (row.pk, row.username, row.remote_addr, row.client_id) == (key, "ann", "192.0.2.7", "Mutt")
    login = await fetch(AuditEvent.objects.get)
    assert (login.kind, login.outcome, login.actor) == ("login", "ok", "ann")
    connections.left(key)
    connections.left(key)  # once is enough
    await eventually(lambda: not Connection.objects.exists())


async def test_what_the_client_says_later_is_shown() -> None:
    key = await arrive(ignore)
    connections.identified(key, "Thunderbird\u202e")
    await eventually(lambda: Connection.objects.get().client_id == "Thunderbird\\u202e")
    connections.left(key)
    connections.identified(key, "nobody")  # nothing comes of it


async def test_one_that_left_before_it_was_described_leaves_no_row() -> None:
    key = await arrive(ignore)
    connections.identified(key, "Thunderbird")
    connections.left(key)
    await look.finish()
    assert not await fetch(Connection.objects.exists)


async def test_request_ends_it_and_is_on_record() -> None:
    ended = asyncio.get_running_loop().create_future()
    key = await arrive(lambda why, reason: ended.set_result((why, reason)))
    other = await arrive(ignore, "bob", 8)
    await fetch(lambda: end_connection(Connection.objects.get(pk=key), " lost phone ", ADMIN))
    async with asyncio.timeout(10):
        assert await ended == ("by admin: lost phone", "lost phone")
    await eventually(lambda: AuditEvent.objects.filter(kind="login", outcome="ended").exists())
    change, login = await fetch(lambda: list(AuditEvent.objects.filter(outcome="ended").order_by("pk")))
    assert (change.kind, change.actor, change.actor_id, change.tls) == ("change", "admin", 1, True)
    assert change.reason.startswith("connection of ann")
    assert change.reason.endswith(" ended: lost phone")
    assert (login.actor, login.actor_id, login.reason) == ("ann", 7, "by admin: lost phone")
    assert not await fetch(EndRequest.objects.exists)
    connections.left(key)
    connections.left(other)


async def test_one_that_fails_to_end_keeps_no_other_from_it() -> None:
    ended = asyncio.get_running_loop().create_future()
    broken = await arrive(fail)
    key = await arrive(lambda why, reason: ended.set_result(reason))
    assert await fetch(lambda: end_user(7, "both", ADMIN)) == (0, 2)
    async with asyncio.timeout(10):
        assert await ended == "both"
    connections.left(broken)
    connections.left(key)


def test_end_of_a_user_names_what_runs_and_nothing_of_others_or_of_the_dead() -> None:
    ann, bob = User.objects.create_user("ann"), User.objects.create_user("bob")
    alive, dead = Chain.objects.create(node="mail1:7"), Chain.objects.create(node="mail1:8", ended_at=timezone.now())
    mine = make_execution(user_id=ann.pk, username="ann", chain_id=alive.pk)
    make_execution(user_id=ann.pk, username="ann", chain_id=alive.pk, outcome="exit")
    make_execution(user_id=ann.pk, username="ann", chain_id=dead.pk)
    make_execution(user_id=bob.pk, username="bob", chain_id=alive.pk)
    assert str(end_user(ann.pk, "test", ADMIN)) == "1 execution and 0 connections"
    assert list(EndRequest.objects.values_list("target", "reason", "made_by")) == [(mine.pk, "test", "admin")]
    assert {row.username for row in now.running()} == {"ann", "bob"}
    assert len(now.running(limit=1)) == 1


def test_end_that_is_wanted_twice_is_recorded_twice_and_requested_once() -> None:
    execution = make_execution()
    end_execution(execution, "one", ADMIN)
    end_execution(execution, "x" * 1000, ADMIN)
    assert EndRequest.objects.count() == 1
    events = AuditEvent.objects.filter(kind="change").order_by("pk")
    assert [event.reason.rpartition(": ")[2] for event in events] == ["one", "x" * 200]
    assert {event.execution_id for event in events} == {execution.pk}


async def test_watcher_is_seen_again_and_goes() -> None:
    execution = await fetch(make_execution)
    await watching.watch(execution.pk, "channel")
    first = await fetch(Watcher.objects.get)
    await watching.watch(execution.pk, "channel")
    again = await fetch(Watcher.objects.get)
    assert (again.channel, again.execution_id) == ("channel", execution.pk)
    assert again.seen_at > first.seen_at
    await watching.unwatch("channel")
    assert not await fetch(Watcher.objects.exists)
    assert await fetch(lambda: Execution.objects.filter(pk=execution.pk).exists())
