"""The store is away at a login: mail goes on, and the connection is shown when the store is back."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import connection as store

from commands.live import connections
from commands.live.look import Look, look
from commands.models import AuditEvent, Connection

pytestmark = pytest.mark.django_db(transaction=True)


def rename(before: str, after: str) -> None:
    with store.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {before} RENAME TO {after}")


async def fetch(ask: Callable[..., Any], *arguments: Any) -> Any:
    return await database_sync_to_async(ask)(*arguments)


async def eventually(ask: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await fetch(ask):
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
async def _nothing_left(settings: Any, tmp_path: Any) -> AsyncIterator[None]:
    settings.DATA_DIR = tmp_path
    yield
    await look.finish()
    assert not look.targets


async def arrive() -> uuid.UUID:
    def end(why: str, reason: str) -> None:
        raise AssertionError("nobody wants it to end")

    about: dict[str, Any] = {"remote_addr": None, "tls": False, "client_id": "", "door": "imap"}
    return await connections.arrived(user_id=7, username="ann", end=end, **about)


@pytest.mark.parametrize("table", ["commands_auditevent", "commands_connection"])
async def test_connection_is_shown_when_the_store_is_back(table: str) -> None:
    await fetch(rename, table, "away")
    try:
        key = await arrive()  # and it raises nothing
    finally:
        await fetch(rename, "away", table)
    await eventually(lambda: Connection.objects.filter(pk=key).exists())
    assert not await fetch(AuditEvent.objects.exists)  # both or neither: there is no login without its row
    connections.left(key)
    await eventually(lambda: not Connection.objects.exists())


async def test_one_that_left_before_the_store_was_back_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    look = Look()
    monkeypatch.setattr(connections, "look", look)
    connections.left(await arrive())  # from here on rows are deleted before others are written
    await fetch(rename, "commands_connection", "away")
    try:
        connections.left(await arrive())
    finally:
        await fetch(rename, "away", "commands_connection")
    await look.finish()
    assert not await fetch(Connection.objects.exists)


async def test_row_is_deleted_when_the_store_is_back() -> None:
    key = await arrive()
    await fetch(rename, "commands_connection", "away")
    try:
        connections.left(key)
        await look.finish()
    finally:
        await fetch(rename, "away", "commands_connection")
    await eventually(lambda: not Connection.objects.exists())


async def test_login_that_is_given_up_leaves_no_row() -> None:
    arriving = asyncio.get_running_loop().create_task(arrive())
    await asyncio.sleep(0)  # it waits for the record
    arriving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await arriving
    assert not look.targets
    await look.finish()
    assert not await fetch(Connection.objects.exists)
