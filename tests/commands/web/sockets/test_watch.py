"""The socket of the watch page: nothing without the page's token, pieces in order, what is too much, and the end."""

import asyncio
import base64
import uuid
from typing import Any

import pytest
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.db import InterfaceError

from commands.models import Execution, Watcher
from commands.web import watchtoken
from commands.web.sockets import watch
from commands.web.sockets.socket import BAD, FORBIDDEN
from tests.commands.admin.conftest import make_execution

from .conftest import close_code, communicator, in_thread, user_with

pytestmark = pytest.mark.django_db(transaction=True)

RIGHTS = ("view_execution", "watch_execution")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.1)


async def open_page(execution_id: uuid.UUID, token: Any = None) -> WebsocketCommunicator:
    """The socket after it has said its token, which is that of the page by default."""
    user, cookie = await in_thread(user_with, *RIGHTS)
    opened = communicator(f"/ws/watch/{execution_id}/", cookie)
    assert (await opened.connect(timeout=10))[0]
    await opened.send_json_to({"token": watchtoken.make(execution_id, user.pk) if token is None else token})
    return opened


async def watching(execution: Execution) -> tuple[WebsocketCommunicator, str]:
    """A page that watches, and its channel."""
    opened = await open_page(execution.pk)
    async with asyncio.timeout(10):
        while (watcher := await in_thread(Watcher.objects.first)) is None:
            pass
    assert watcher.execution_id == execution.pk
    await get_channel_layer().send(watcher.channel, {"type": "execution.shown", "execution_id": ""})
    assert await opened.receive_json_from(timeout=10) == {"type": "watching", "anew": True}
    return opened, watcher.channel


async def send(channel: str, data: bytes, stream: str = "o", skipped: int = 0) -> None:
    piece = {
        "type": "execution.piece",
        "execution_id": "",
        "offset": 1,
        "stream": stream,
        "data": data,
        "skipped": skipped,
    }
    await get_channel_layer().send(channel, piece)


async def next_piece(opened: WebsocketCommunicator) -> dict[str, Any]:
    """The next message that is no sign of life."""
    while (message := await opened.receive_json_from(timeout=10))["type"] == "watching":
        pass
    return dict(message)


@pytest.mark.parametrize(
    "case", ["none", "number", "half of a character", "forged", "another execution", "another user"]
)
async def test_nothing_is_watched_without_the_token_of_the_page(case: str) -> None:
    execution = await in_thread(make_execution)
    tokens = {
        "none": "",
        "number": 7,
        "half of a character": "a:b:\ud800",
        "forged": "WyJhIiwxXQ:1abc:defg",
        "another execution": watchtoken.make(uuid.uuid4(), 1),
        "another user": watchtoken.make(execution.pk, 10**6),
    }
    opened = await open_page(execution.pk, tokens[case])
    assert await close_code(opened) == FORBIDDEN
    await opened.disconnect(timeout=10)
    assert not await in_thread(Watcher.objects.exists)


async def test_page_that_says_no_token_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TOKEN_SECONDS", 0.1)
    _, cookie = await in_thread(user_with, *RIGHTS)
    opened = communicator(f"/ws/watch/{uuid.uuid4()}/", cookie)
    assert (await opened.connect(timeout=10))[0]
    assert await close_code(opened) == FORBIDDEN
    await opened.disconnect(timeout=10)


async def test_token_is_good_for_its_time_alone(settings: Any) -> None:
    execution = await in_thread(make_execution)
    settings.SESSION_COOKIE_AGE = -1
    assert not watchtoken.is_good(watchtoken.make(execution.pk, 1), execution.pk, 1)


async def test_pieces_come_as_bytes_with_their_stream(settings: Any) -> None:
    opened, channel = await watching(await in_thread(make_execution))
    for stream, data in (("i", b"list\n"), ("o", b"\xff\x00"), ("e", b"")):
        await send(channel, data, stream, skipped=3 if stream == "e" else 0)
    for stream, data, skipped in (("i", b"list\n", 0), ("o", b"\xff\x00", 0), ("e", b"", 3)):
        piece = await next_piece(opened)
        assert (piece["stream"], base64.b64decode(piece["data"]), piece["skipped"]) == (stream, data, skipped)
    await opened.disconnect(timeout=10)
    assert not await in_thread(Watcher.objects.exists)


async def test_page_that_does_not_show_gets_no_more_than_its_room() -> None:
    opened, channel = await watching(await in_thread(make_execution))
    piece = b"x" * 32 * 1024
    for _ in range(12):  # eight have room
        await send(channel, piece)
    for _ in range(8):
        assert (await next_piece(opened))["skipped"] == 0
    await send(channel, b"")
    assert (await next_piece(opened))["skipped"] == 4 * len(piece)
    await opened.send_json_to({"shown": 8 * len(piece)})
    data = b""
    while not data:  # what the page says and what the execution says come by two ways
        await send(channel, b"again")
        await send(channel, b"")
        data = base64.b64decode((await next_piece(opened))["data"])
    assert data == b"again"
    await opened.disconnect(timeout=10)


async def test_end_is_told_and_closes_it() -> None:
    opened, channel = await watching(await in_thread(make_execution))
    end = {
        "type": "execution.ended",
        "execution_id": "",
        "outcome": "ended",
        "code": None,
        "reason": "by admin: enough",
    }
    await get_channel_layer().send(channel, end)
    told = await next_piece(opened)
    assert (told["outcome"], told["code"], told["reason"]) == ("ended", None, "by admin: enough")
    assert await close_code(opened) == 1000
    await opened.disconnect(timeout=10)


async def test_end_that_nobody_tells_is_found_in_the_record() -> None:
    execution = await in_thread(make_execution)
    opened, _ = await watching(execution)
    await in_thread(Execution.objects.filter(pk=execution.pk).update, outcome="lost")
    told = await next_piece(opened)
    assert (told["type"], told["outcome"]) == ("ended", "lost")
    await opened.disconnect(timeout=10)


async def test_one_that_has_ended_is_not_watched() -> None:
    opened = await open_page((await in_thread(make_execution, outcome="exit", exit_code=3)).pk)
    told = await opened.receive_json_from(timeout=10)
    assert (told["outcome"], told["code"]) == ("exit", 3)
    await opened.disconnect(timeout=10)


async def test_one_that_cannot_be_looked_up_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(opened: watch.WatchSocket) -> None:
        raise InterfaceError("away")

    monkeypatch.setattr(watch.WatchSocket, "_find", fail)
    opened = await open_page((await in_thread(make_execution)).pk)
    assert await close_code(opened) == watch.TRY_AGAIN
    await opened.disconnect(timeout=10)


async def test_one_that_is_not_there_is_not_watched() -> None:
    opened = await open_page(uuid.uuid4())
    assert await close_code(opened) == watch.NOT_FOUND
    await opened.disconnect(timeout=10)


@pytest.mark.parametrize("message", [{}, {"shown": -1}, {"shown": "1"}, {"end": 1}, {"token": "again"}])
async def test_message_that_it_does_not_know_closes_it(message: dict[str, Any]) -> None:
    opened, _ = await watching(await in_thread(make_execution))
    await opened.send_json_to(message)
    assert await close_code(opened) == BAD
    await opened.disconnect(timeout=10)
