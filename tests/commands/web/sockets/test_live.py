"""The live page's socket: what has changed, and no more than one may see; the poller works while somebody looks."""

import asyncio
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from commands.models import Chain, Connection, Execution
from commands.web.sockets.live import changes_of
from commands.web.sockets.poller import Picture, Poller, poller
from commands.web.sockets.socket import BAD
from tests.commands.admin.conftest import make_execution

from .conftest import close_code, communicator, in_thread, user_with

pytestmark = pytest.mark.django_db(transaction=True)

ROW = {"key": "k", "user": "ann", "since": 1}


@pytest.fixture
def chain_id(db: None) -> uuid.UUID:
    """Of a process that lives."""
    key = uuid.uuid4()
    Chain.objects.create(id=key, node="mail1:7", seen_at=timezone.now())
    return key


def make_connection(chain_id: uuid.UUID, username: str = "ann") -> Connection:
    return Connection.objects.create(
        user_id=7, username=username, door="imap", since=timezone.now(), chain_id=chain_id, node="mail1:7"
    )


async def test_first_message_has_all_and_what_follows_what_has_changed(chain_id: uuid.UUID) -> None:
    connection = await in_thread(make_connection, chain_id, "an\u202en")
    _, cookie = await in_thread(user_with, "view_connection", "view_execution")
    opened = communicator("/ws/live/", cookie)
    assert (await opened.connect(timeout=10))[0]
    first = await opened.receive_json_from(timeout=10)
    assert first["whole"] is True
    assert first["tables"]["executions"] == {"rows": [], "gone": []}
    (row,) = first["tables"]["connections"]["rows"]
    assert (row["key"], row["user"], row["from"]) == (str(connection.pk), "an\\u202en", "this machine")

    execution = await in_thread(make_execution, chain_id=chain_id, arguments_text="add joe@smith.com")
    change = await opened.receive_json_from(timeout=10)
    assert "whole" not in change
    (row,) = change["tables"]["executions"]["rows"]
    assert (row["verb"], row["arguments"]) == ("blacklist", "add joe@smith.com")
    assert set(change["tables"]) == {"executions"}

    await in_thread(Execution.objects.filter(pk=execution.pk).update, outcome="exit")
    assert (await opened.receive_json_from(timeout=10))["tables"] == {
        "executions": {"rows": [], "gone": [str(execution.pk)]}
    }
    await opened.disconnect(timeout=10)


@pytest.mark.parametrize(("right", "table"), [("view_connection", "connections"), ("view_execution", "executions")])
async def test_one_right_shows_one_table(chain_id: uuid.UUID, right: str, table: str) -> None:
    await in_thread(make_connection, chain_id)
    await in_thread(make_execution, chain_id=chain_id)
    _, cookie = await in_thread(user_with, right)
    opened = communicator("/ws/live/", cookie)
    assert (await opened.connect(timeout=10))[0]
    tables = (await opened.receive_json_from(timeout=10))["tables"]
    assert {name: len(each["rows"]) for name, each in tables.items()} == {table: 1}
    await opened.disconnect(timeout=10)


async def test_table_whose_right_is_lost_is_told_no_more(chain_id: uuid.UUID) -> None:
    user, cookie = await in_thread(user_with, "view_connection", "view_execution")
    opened = communicator("/ws/live/", cookie)
    assert (await opened.connect(timeout=10))[0]
    assert set((await opened.receive_json_from(timeout=10))["tables"]) == {"connections", "executions"}
    kept = await in_thread(Permission.objects.filter(codename="view_connection").get)
    await in_thread(user.user_permissions.set, [kept])
    again = await opened.receive_json_from(timeout=10)
    assert again["whole"] is True
    assert set(again["tables"]) == {"connections"}
    await opened.disconnect(timeout=10)


async def test_page_has_nothing_to_say() -> None:
    _, cookie = await in_thread(user_with, "view_connection")
    opened = communicator("/ws/live/", cookie)
    assert (await opened.connect(timeout=10))[0]
    await opened.send_json_to({"end": "all"})
    assert await close_code(opened) == BAD
    await opened.disconnect(timeout=10)


async def test_poller_stops_with_the_last_viewer() -> None:
    _, cookie = await in_thread(user_with, "view_connection")
    both = [communicator("/ws/live/", cookie) for _ in range(2)]
    for opened in both:
        assert (await opened.connect(timeout=10))[0]
        await opened.receive_json_from(timeout=10)
    assert poller.is_looking
    await both[0].disconnect(timeout=10)
    assert poller.is_looking
    await both[1].disconnect(timeout=10)
    assert not poller.is_looking


async def test_one_read_serves_all_viewers() -> None:
    reads = []

    def read() -> Picture:
        reads.append(None)
        return Picture({"executions": {"k": ROW}})

    each = Poller(read, look_seconds=60)
    with each.viewing(), each.viewing():
        pictures = [await asyncio.wait_for(each.after(None), 10) for _ in range(50)]
    assert all(picture is pictures[0] for picture in pictures)
    assert len(reads) == 1


@pytest.mark.parametrize("failure", [OperationalError, InterfaceError, RuntimeError])
async def test_store_that_is_away_is_told_and_looked_at_again(failure: type[Exception]) -> None:
    answers: list[Any] = [failure("away"), Picture({"executions": {"k": ROW}})]

    def read() -> Picture:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    each = Poller(read, look_seconds=0)
    with each.viewing():
        first = await asyncio.wait_for(each.after(None), 10)
        assert "can't be read" in first.problem
        second = await asyncio.wait_for(each.after(first), 10)
        assert (second.problem, second.tables) == ("", {"executions": {"k": ROW}})


def test_changes_are_rows_that_are_new_or_other_and_keys_that_are_gone() -> None:
    before = {"a": ROW | {"key": "a"}, "b": ROW | {"key": "b"}, "c": ROW | {"key": "c"}}
    after = {"d": ROW | {"key": "d"}, "a": ROW | {"key": "a"}, "b": ROW | {"key": "b", "user": "demo"}}
    assert changes_of(before, after) == {"rows": [after["d"], after["b"]], "gone": ["c"]}
