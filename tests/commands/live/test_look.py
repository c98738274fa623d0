"""The look for what others want: it stops by itself, and whatever is wrong with the store, what runs goes on."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import connection as store
from django.utils import timezone

from commands.live.look import Look, Wanted
from commands.models import EndRequest

pytestmark = pytest.mark.django_db(transaction=True)


class Target:
    """A look.Target that keeps what it is told."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[Wanted] = asyncio.get_running_loop().create_future()

    def end(self, wanted: Wanted) -> None:
        if not self.ended.done():
            self.ended.set_result(wanted)

    def record_end(self, wanted: Wanted) -> None:
        pass

    def show(self, channels: frozenset[str]) -> None:
        raise AssertionError("nobody watches")


@pytest.fixture
async def look(settings: Any, tmp_path: Any) -> AsyncIterator[Look]:
    settings.DATA_DIR = tmp_path
    look = Look(look_seconds=0.01)
    yield look
    look.targets.clear()
    await until(lambda: look._rounds._loop is None, "the timer goes on with nothing to look for")


async def until(condition: Any, otherwise: str) -> None:
    try:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(otherwise)


def rename(before: str, after: str) -> None:
    with store.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {before} RENAME TO {after}")


async def want(target: uuid.UUID) -> None:
    await database_sync_to_async(EndRequest.objects.create)(
        target=target, reason="test", made_by="admin", made_at=timezone.now()
    )


async def test_nothing_is_looked_for_without_a_target(look: Look) -> None:
    look.wake()
    await until(lambda: look._rounds._loop is None, "the timer goes on")
    assert look._rounds._looking is None


async def test_request_for_what_another_process_has_is_left_to_it(look: Look) -> None:
    key, other, target = uuid.uuid4(), uuid.uuid4(), Target()
    look.targets[key] = target
    look.wake()
    await want(other)
    await want(key)
    async with asyncio.timeout(10):
        assert (await target.ended).why == "by admin: test"
    await look.finish()
    assert [row.target for row in await database_sync_to_async(lambda: list(EndRequest.objects.all()))()] == [other]


async def test_store_that_is_away_is_logged_once_and_asked_again(look: Look, caplog: pytest.LogCaptureFixture) -> None:
    key, target = uuid.uuid4(), Target()
    await want(key)
    await database_sync_to_async(rename)("commands_endrequest", "away")
    try:
        look.targets[key] = target
        look.wake()
        await until(lambda: look._is_away, "it is not noticed")
        for _ in range(3):
            looking = look._rounds._looking
            await until(lambda: look._rounds._looking is not looking, "it is not asked again")  # noqa: B023
    finally:
        await database_sync_to_async(rename)("away", "commands_endrequest")
    async with asyncio.timeout(10):
        assert (await target.ended).reason == "test"
    assert caplog.text.count("What is to be ended or shown can't be found out now") == 1


async def test_work_waits_for_the_store_and_the_later_item_counts(look: Look) -> None:
    done: list[Mapping[uuid.UUID, Any]] = []

    def work(items: Mapping[uuid.UUID, Any]) -> None:
        done.append(dict(items))

    first, second = uuid.uuid4(), uuid.uuid4()
    look.do(work, first, "old")
    look.do(work, first, "new")
    look.do(work, second)
    look.leave(work, second)
    await look.finish()
    assert done == [{first: "new"}]
