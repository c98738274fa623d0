"""Authorization and durable accept, in this process, beside the database's own commit of one row."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from benchmarks.measure import Case, Side
from benchmarks.one_shot import start_postgres
from benchmarks.trial import VERBS, Trial
from tests.support import peers
from tests.support.server import Server

CLIENTS = 64
EACH = 16
"""Accepts of a client, one after the other: to begin and end a loop takes as long as one of them."""

COPY = "CREATE TABLE one_row AS SELECT * FROM commands_auditevent WHERE 1 = 0"


def authorize(trial: Trial, left_out: Callable[[str], object]) -> Iterator[Case]:
    """A case at a time, since the process is of one database at a time."""
    yield from _cases(trial, "SQLite", None)
    if peers.find("initdb"):
        yield from _cases(trial, "PostgreSQL", start_postgres(trial))
    else:
        left_out(peers.missing("initdb", "postgresql"))


def _cases(trial: Trial, name: str, url: str | None) -> Iterator[Case]:
    data = trial.directory / f"authorize-{name}"
    data.mkdir()
    with ExitStack() as stack:
        server = Server(data)
        stack.callback(server.close)
        if url is not None:
            server.environment["DATABASE_URL"] = url
        server.prepare()
        server.python(VERBS)
        clients = stack.enter_context(_Clients(data, url))
        row = stack.enter_context(_OneRow(data / "db.sqlite3", url, clients.event()))
        for count, title in ((1, "authorization and durable accept"), (CLIENTS, f"{CLIENTS} clients at once")):
            each = f"{EACH * count}, {name}"
            both = [Side(f"rows: {each}", row.commits(EACH * count)), Side(f"accepts: {each}", clients.accepts(count))]
            yield Case(title, both)


class _OneRow:
    """The driver alone: as durable, in the same database, a row as large in a table without indexes."""

    def __init__(self, path: Path, url: str | None, values: list[Any]) -> None:
        self._values = values
        if url is None:
            self._store: Any = sqlite3.connect(path, isolation_level=None)
            self._store.execute("PRAGMA synchronous=FULL")
            place = "?"
        else:
            self._store = psycopg.connect(url, autocommit=True)
            self._store.execute("SET synchronous_commit TO on")
            place = "%s"
        self._store.execute(COPY)
        self._insert = f"INSERT INTO one_row VALUES ({', '.join(place for _ in values)})"

    def __enter__(self) -> "_OneRow":
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def commits(self, count: int) -> Callable[[], None]:
        """So many, one after the other."""

        def commit() -> None:
            for _ in range(count):
                self._store.execute(self._insert, self._values)

        return commit


class _Clients:
    """They wish to run a verb, by the gate itself: no IMAP, and no program is started."""

    def __init__(self, data: Path, url: str | None) -> None:
        _use_database(data, url)
        from django.contrib.auth.models import User

        from commands import audit, authorization
        from commands.attempt import Attempt

        self._audit = audit
        self._authorize = authorization.authorize
        user = User.objects.get(username="demo")
        self._attempt = Attempt(user.pk, "demo", "true", (), "imap", remote_addr="192.0.2.7", tls=True)
        self._loop = uvloop.new_event_loop()

    def __enter__(self) -> "_Clients":
        return self

    def __exit__(self, *_: object) -> None:
        from django.db import connections

        self._audit.writer.stop()
        self._loop.close()
        connections.close_all()

    def event(self) -> list[Any]:
        """One event as the driver takes it."""
        from django.db import connection

        self.accepts(1)()
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM commands_auditevent ORDER BY id DESC LIMIT 1")
            row = cursor.fetchone()
        # SQLite's driver has its own ideas of times: the text that is stored is what it takes without them.
        return [str(value) if connection.vendor == "sqlite" and hasattr(value, "isoformat") else value for value in row]

    def accepts(self, clients: int) -> Callable[[], None]:
        """EACH of so many clients at once."""

        async def accept() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(clients):
                    group.create_task(self._several())

        return lambda: self._loop.run_until_complete(accept())

    async def _several(self) -> None:
        for _ in range(EACH):
            await self._authorize(self._attempt)


def _use_database(data: Path, url: str | None) -> None:
    """Let Django, in this process, use this one from now on."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": "imapx_site.settings", "IMAPX_DATA_DIR": str(data), "IMAPX_DEBUG": "0"}
    import django
    from django.conf import settings
    from django.db import connections
    from environs import Env

    django.setup()
    settings.DATA_DIR = data
    if url is not None:
        os.environ["DATABASE_URL"] = url
        connections["default"].close()
        connections.settings["default"].update(Env().dj_db_url("DATABASE_URL") | {"OPTIONS": {}})
        del connections["default"]
        del os.environ["DATABASE_URL"]
