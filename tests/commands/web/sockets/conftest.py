import uuid
from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client

from commands.web.sockets import socket
from commands.web.sockets.routing import websocket_application
from tests.commands.admin.conftest import make_execution, make_verb
from tests.commands.admin.test_urls import client_of
from tests.support.websocket import WebSocket

HOST = "imapx.example:8000"


def communicator(path: str, cookie: str = "", origin: str | None = f"http://{HOST}") -> WebSocket:
    """A WebSocket at this path, as a page of ours opens it."""
    headers = [(b"host", HOST.encode()), (b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return WebSocket(websocket_application, path, headers)


async def is_opened(path: str, cookie: str = "", origin: str | None = f"http://{HOST}") -> bool:
    opening = communicator(path, cookie, origin)
    accepted, _ = await opening.connect(timeout=10)
    if accepted:
        await opening.disconnect(timeout=10)
    return accepted


async def in_thread(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """For what uses the database, as a view would."""
    return await database_sync_to_async(function, thread_sensitive=False)(*arguments, **named)


async def close_code(opened: WebSocket) -> int:
    """The code by which the server closes it; what it tells before is passed over."""
    while True:
        output = await opened.receive_output(timeout=10)
        if output["type"] == "websocket.close":
            return int(output["code"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["imapx.example"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(socket, "LOOK_SECONDS", 0.1)


@pytest.fixture
def cookie_of(db: None) -> Callable[[str], str]:
    """The session of one of test_urls.ACTORS, made on first use."""
    made: dict[str, str] = {}

    def cookie(actor: str) -> str:
        if actor not in made:
            made[actor] = cookie_from(client_of(actor))
        return made[actor]

    return cookie


def cookie_from(client: Client) -> str:
    cookie = client.cookies.get(settings.SESSION_COOKIE_NAME)
    return cookie.value if cookie else ""


def user_with(*permissions: str) -> tuple[User, str]:
    """A user of staff who has these rights and no other, and their session."""
    user = User.objects.create_user("carol", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    assert user.user_permissions.count() == len(permissions)
    client = Client()
    client.force_login(user)
    return user, cookie_from(client)


@pytest.fixture
def paths(db: None) -> dict[str, str]:
    """Each route of a socket, with rows of ours in it."""
    values = {
        "<uuid:execution_id>": str(make_execution(id=uuid.uuid4()).pk),
        "<int:verb_id>": str(make_verb("true").pk),
    }
    found = {}
    for pattern in websocket_routes():
        path = pattern
        for written, value in values.items():
            path = path.replace(written, value)
        found[pattern] = f"/{path}"
    return found


def websocket_routes() -> list[str]:
    from commands.web.sockets.routing import websocket_urlpatterns

    return [str(each.pattern) for each in websocket_urlpatterns]
