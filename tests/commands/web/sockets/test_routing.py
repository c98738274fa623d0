"""Who may open each WebSocket, by a table; from which pages; and what closes one that is open."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import DatabaseError, InterfaceError

from commands.web.sockets import socket
from commands.web.sockets.socket import BAD, FORBIDDEN, TOO_MUCH
from tests.commands.admin.test_urls import ACTORS, STAFF

from .conftest import HOST, close_code, communicator, in_thread, is_opened, user_with, websocket_routes

pytestmark = pytest.mark.django_db(transaction=True)

SOCKETS = {
    "ws/live/": "AODS",
    "ws/watch/<uuid:execution_id>/": "AS",
    "ws/console/": STAFF,
    "ws/try/<int:verb_id>/": "VS",
}


def test_table_has_every_socket_and_no_other() -> None:
    assert sorted(websocket_routes()) == sorted(SOCKETS)


@pytest.mark.parametrize("actor", ACTORS)
async def test_socket_is_open_to_those_of_the_table_alone(
    paths: dict[str, str], cookie_of: Callable[[str], str], actor: str
) -> None:
    cookie = await in_thread(cookie_of, actor)
    opened = [route for route in SOCKETS if await is_opened(paths[route], cookie)]
    assert opened == [route for route, actors in SOCKETS.items() if actor in actors]


@pytest.mark.parametrize(
    ("origin", "is_ours"),
    [
        (f"http://{HOST}", True),
        (f"https://{HOST}", True),
        (f"HTTPS://{HOST.upper()}", True),
        (None, False),
        ("", False),
        ("null", False),
        ("http://imapx.example", False),
        ("http://imapx.example:8001", False),
        ("http://evil.example", False),
        (f"http://{HOST}.evil.example", False),
        (f"http://{HOST}@evil.example", False),
        (f"http://evil.example/{HOST}", False),
        ("http://[", False),
    ],
)
async def test_page_of_another_origin_opens_none(
    paths: dict[str, str], cookie_of: Callable[[str], str], origin: str | None, is_ours: bool
) -> None:
    cookie = await in_thread(cookie_of, "S")
    assert {await is_opened(path, cookie, origin) for path in paths.values()} == {is_ours}


async def test_page_without_tls_opens_none_that_has_it(cookie_of: Callable[[str], str]) -> None:
    cookie = await in_thread(cookie_of, "S")
    for origin, is_ours in [(f"http://{HOST}", False), (f"https://{HOST}", True)]:
        opening = communicator("/ws/live/", cookie, origin)
        opening.scope["scheme"] = "wss"
        assert (await opening.connect(timeout=10))[0] is is_ours
        if is_ours:
            await opening.disconnect(timeout=10)


@pytest.mark.parametrize("failure", [InterfaceError, DatabaseError, RuntimeError])
async def test_user_who_cannot_be_asked_about_may_not(
    monkeypatch: pytest.MonkeyPatch, cookie_of: Callable[[str], str], failure: type[Exception]
) -> None:
    def fail(session_key: str | None) -> None:
        raise failure("away")

    opened = communicator("/ws/live/", await in_thread(cookie_of, "S"))
    assert (await opened.connect(timeout=10))[0]
    monkeypatch.setattr(socket, "user_of", fail)
    assert await close_code(opened) == FORBIDDEN
    await opened.disconnect(timeout=10)


async def test_store_that_does_not_answer_ends_it(
    monkeypatch: pytest.MonkeyPatch, cookie_of: Callable[[str], str]
) -> None:
    opened = communicator("/ws/live/", await in_thread(cookie_of, "S"))
    assert (await opened.connect(timeout=10))[0]
    answers = threading.Event()
    monkeypatch.setattr(socket, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(socket, "user_of", lambda session_key: answers.wait(60) and None)
    try:
        assert await close_code(opened) == FORBIDDEN
    finally:
        answers.set()
    await opened.disconnect(timeout=10)


@pytest.mark.parametrize(("route", "do"), [("ws/console/", "line"), ("ws/try/<int:verb_id>/", "run")])
async def test_nothing_begins_for_who_may_no_longer(
    monkeypatch: pytest.MonkeyPatch, paths: dict[str, str], cookie_of: Callable[[str], str], route: str, do: str
) -> None:
    monkeypatch.setattr(socket, "LOOK_SECONDS", 1000)
    opened = communicator(paths[route], await in_thread(cookie_of, "S"))
    assert (await opened.connect(timeout=10))[0]
    await in_thread(lambda: User.objects.update(is_active=False))
    await opened.send_to(json.dumps({"do": do, "text": "help", "user": "x", "line": ""}))
    assert await close_code(opened) == FORBIDDEN
    await opened.disconnect(timeout=10)


async def test_host_that_is_not_ours_opens_none(settings: Any, cookie_of: Callable[[str], str]) -> None:
    settings.ALLOWED_HOSTS = ["other.example"]  # a name that somebody points at the server
    assert not await is_opened("/ws/live/", await in_thread(cookie_of, "S"))


async def test_address_without_a_socket_is_refused(cookie_of: Callable[[str], str]) -> None:
    assert not await is_opened("/ws/nothing/", await in_thread(cookie_of, "S"))


@pytest.mark.parametrize("cookie", ["", "nonsense", "é" * 32, "0" * 32])
async def test_session_that_is_none_opens_none(paths: dict[str, str], cookie: str) -> None:
    assert not any([await is_opened(path, cookie) for path in paths.values()])


@pytest.mark.parametrize(
    "end",
    [
        lambda: Session.objects.all().delete(),
        lambda: User.objects.update(is_active=False),
        lambda: User.objects.update(is_superuser=False),
        lambda: User.objects.update(is_staff=False),
        lambda: User.objects.update(password="another"),
    ],
    ids=["session", "active", "rights", "staff", "password"],
)
@pytest.mark.parametrize("route", ["ws/live/", "ws/watch/<uuid:execution_id>/", "ws/try/<int:verb_id>/"])
async def test_who_may_no_longer_is_put_out_while_it_is_open(
    paths: dict[str, str], cookie_of: Callable[[str], str], end: Callable[[], Any], route: str
) -> None:
    opened = communicator(paths[route], await in_thread(cookie_of, "S"))
    assert (await opened.connect(timeout=10))[0]
    await in_thread(end)
    assert await close_code(opened) == FORBIDDEN
    await opened.disconnect(timeout=10)


async def test_session_that_is_over_opens_none_and_ends_one_that_is_open(
    settings: Any, cookie_of: Callable[[str], str]
) -> None:
    cookie = await in_thread(cookie_of, "S")
    opened = communicator("/ws/live/", cookie)
    assert (await opened.connect(timeout=10))[0]
    settings.IMAPX = settings.IMAPX | {"SESSION_IDLE_SECONDS": 0}
    assert await close_code(opened) == FORBIDDEN
    await opened.disconnect(timeout=10)
    assert not await is_opened("/ws/live/", cookie)


async def test_right_lost_ends_it_though_another_one_is_left(cookie_of: Callable[[str], str]) -> None:
    user, cookie = await in_thread(user_with, "view_execution", "watch_execution")
    opened = communicator("/ws/watch/00000000-0000-0000-0000-000000000001/", cookie)
    assert (await opened.connect(timeout=10))[0]
    await in_thread(lambda: user.user_permissions.set(user.user_permissions.exclude(codename="watch_execution")))
    assert await close_code(opened) == FORBIDDEN
    await opened.disconnect(timeout=10)


@pytest.mark.parametrize(
    "message",
    [
        {"text": "{"},
        {"text": "[]"},
        {"text": "1"},
        {"text": '"x"'},
        {"bytes": b"{}"},
        {"text": '{"a": "' + "x" * 10**7 + '"}'},
        {"text": '{"a":' * 10_000},
        {"text": f'{{"do": {"9" * 5000}}}'},
    ],
    ids=["broken", "list", "number", "string", "bytes", "10 MB", "nested", "5000 digits"],
)
@pytest.mark.parametrize("route", SOCKETS)
async def test_message_that_is_none_closes_it(
    paths: dict[str, str], cookie_of: Callable[[str], str], route: str, message: dict[str, Any]
) -> None:
    opened = communicator(paths[route], await in_thread(cookie_of, "S"))
    assert (await opened.connect(timeout=10))[0]
    await opened.send_input({"type": "websocket.receive", **message})
    assert await close_code(opened) == BAD
    await opened.disconnect(timeout=10)


async def test_flood_of_messages_closes_it(paths: dict[str, str], cookie_of: Callable[[str], str]) -> None:
    opened = communicator(paths["ws/watch/<uuid:execution_id>/"], await in_thread(cookie_of, "S"))
    assert (await opened.connect(timeout=10))[0]
    for _ in range(1000):
        await opened.send_to(json.dumps({"shown": 1}))
    assert await close_code(opened) == TOO_MUCH
    await opened.disconnect(timeout=10)
    assert opened.output_queue.empty()


async def test_user_has_so_many_open_and_no_more(
    paths: dict[str, str], cookie_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "PER_USER", 2)
    mine, others = await in_thread(cookie_of, "S"), await in_thread(cookie_of, "O")
    first, second = communicator("/ws/live/", mine), communicator(paths["ws/console/"], mine)
    assert (await first.connect(timeout=10))[0] and (await second.connect(timeout=10))[0]
    assert not await is_opened("/ws/live/", mine)
    assert await is_opened("/ws/live/", others)
    await first.disconnect(timeout=10)
    assert await is_opened("/ws/live/", mine)
    await second.disconnect(timeout=10)
