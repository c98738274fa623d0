import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from commands.models import AuditEvent, Parameter, Rule, Signature, Verb
from commands.web.sockets import console, socket
from commands.web.sockets.routing import websocket_application
from tests.commands.web.sockets.conftest import HOST, cookie_from, in_thread
from tests.support.websocket import WebSocket

PROGRAMS = Path(__file__).parents[3] / "support" / "programs"
AGENT = "Browser/1"

Say = dict[str, Any]


class Terminal:
    """A page's end of the WebSocket: what it was told, and what it says."""

    def __init__(self, path: str, user: User) -> None:
        client = Client()
        client.force_login(user)
        cookie = cookie_from(client)
        headers = [
            (b"host", HOST.encode()),
            (b"origin", f"http://{HOST}".encode()),
            (b"cookie", f"sessionid={cookie}".encode()),
            (b"user-agent", AGENT.encode()),
        ]
        self.socket = WebSocket(websocket_application, path, headers)
        self.socket.scope["client"] = ["192.0.2.7", 4000]
        self.told: list[Say] = []
        self.output = ""
        self.shows = True
        """Whether it answers what it is shown."""

    async def open(self) -> None:
        accepted, _ = await self.socket.connect(timeout=10)
        assert accepted
        await self.until("ready")

    async def says(self, **message: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(message))

    async def runs(self, line: str) -> str:
        """A command line to its end: the text of the note, or of the output if there was none."""
        before = len(self.told)
        await self.says(do="line", text=line)
        await self.until("ready")
        notes = [each["text"] for each in self.told[before:] if each["say"] == "note"]
        return notes[-1] if notes else ""

    async def next(self) -> Say:
        message: Say = json.loads(await self.socket.receive_from(timeout=20))
        self.told.append(message)
        if message["say"] == "output":
            self.output += message["text"]
            if self.shows:
                await self.says(do="shown", size=message["size"])
        return message

    async def until(self, kind: str) -> Say:
        while (message := await self.next())["say"] != kind:
            pass
        return message

    async def until_shown(self, text: str) -> None:
        while text not in self.output:
            await self.next()

    async def leave(self) -> None:
        await self.socket.disconnect(timeout=20)


@pytest.fixture(autouse=True)
def site(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.DATA_DIR = tmp_path / "data"
    settings.ALLOWED_HOSTS = ["imapx.example"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SESSION_COOKIE_NAME = "sessionid"
    monkeypatch.setattr(socket, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(console, "prepare_once", lambda: None)  # it would move this process to another directory
    yield


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("admin", password="admin")


@pytest.fixture
def verb(admin: User) -> Callable[..., Verb]:
    """Puts a verb into the map, by the name of a program of tests/support, that `user` may run."""

    def make(name: str, *argv: str, types: tuple[str, ...] = (), user: User | None = admin, **fields: Any) -> Verb:
        program = argv[0] if argv[0].startswith("/") else str(PROGRAMS / argv[0])
        made = Verb.objects.create(name=name, argv=[program, *argv[1:]], **fields)
        signature = Signature.objects.create(verb=made)
        for place, type in enumerate(types):
            Parameter.objects.create(signature=signature, position=place, name=f"p{place}", type=type)
        if user is not None:
            Rule.objects.create(user=user, verb=made)
        return made

    return make


def events() -> list[tuple[str, ...]]:
    fields = ("kind", "outcome", "actor", "door", "verb", "client_id")
    kinds = ("accept", "reject", "exit")
    return list(AuditEvent.objects.filter(kind__in=kinds).order_by("pk").values_list(*fields))


def at_terminal(path: str, user: User, act: Callable[[Terminal], Any]) -> Terminal:
    """Open the socket as this user, do it, leave. Whatever runs has ended when this returns."""
    terminal = Terminal(path, user)

    async def within() -> None:
        async with asyncio.timeout(60):
            await terminal.open()
            try:
                await act(terminal)
            finally:
                await terminal.leave()

    asyncio.run(within())
    return terminal


__all__ = ["AGENT", "Terminal", "at_terminal", "events", "in_thread"]
