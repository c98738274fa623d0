"""The socket of the live page: what of its tables has changed, to whom may see it."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from commands.web.liverows import Row
from commands.web.sockets.poller import CONNECTIONS, EXECUTIONS, Picture, Rows, poller
from commands.web.sockets.socket import BAD, PageSocket

RIGHTS = {CONNECTIONS: "commands.view_connection", EXECUTIONS: "commands.view_execution"}

BEAT_SECONDS = 10.0
"""The page hears something so often: else it knows that the server, or the way to it, is gone."""


def tables_of(user: User | AnonymousUser) -> frozenset[str]:
    """The tables that the user may see."""
    return frozenset(table for table, right in RIGHTS.items() if user.has_perm(right))


class LiveSocket(PageSocket):
    """`{"now", "tables": {NAME: {"rows": [ROW…], "gone": [KEY…]}}}`: rows that are new or other, the newest first.

    The first message has a table for each that may be seen, and `"whole": true`: nothing else is there. One without
    tables is a sign of life; `problem` says why nothing can be known now. The page sends nothing."""

    _showing: asyncio.Task[None] | None = None
    _tables: frozenset[str] = frozenset()

    def may(self, user: User) -> bool:
        return bool(tables_of(user))

    async def opened(self) -> None:
        self._tables = tables_of(self.user)
        self._showing = asyncio.get_running_loop().create_task(self._show())

    async def looked(self) -> None:
        tables = tables_of(self.user)  # `may` has asked the database for them
        if tables != self._tables:
            await self.closed()
            await self.opened()

    async def received(self, message: Mapping[str, Any]) -> None:
        await self.close(BAD)

    async def closed(self) -> None:
        if self._showing is not None:
            self._showing.cancel()
            await asyncio.wait([self._showing])
            self._showing = None

    async def _show(self) -> None:
        picture: Picture | None = None
        shown: dict[str, Rows] | None = None
        with poller.viewing():
            while True:
                try:
                    picture = await asyncio.wait_for(poller.after(picture), BEAT_SECONDS)
                except TimeoutError:
                    await self.tell(now=_now())
                    continue
                if picture.problem:
                    await self.tell(now=_now(), problem=picture.problem)
                    continue
                before, shown = shown, {table: picture.tables[table] for table in self._tables}
                await self._tell_changes(before, shown)

    async def _tell_changes(self, before: Mapping[str, Rows] | None, after: Mapping[str, Rows]) -> None:
        if before is None:
            whole: dict[str, Any] = {table: {"rows": list(rows.values()), "gone": []} for table, rows in after.items()}
            await self.tell(now=_now(), whole=True, tables=whole)
            return
        changes = {table: changes_of(before[table], rows) for table, rows in after.items()}
        await self.tell(now=_now(), tables={table: each for table, each in changes.items() if any(each.values())})


def changes_of(before: Rows, after: Rows) -> dict[str, list[Row] | list[str]]:
    return {
        "rows": [row for key, row in after.items() if before.get(key) != row],
        "gone": [key for key in before if key not in after],
    }


def _now() -> int:
    return int(time.time() * 1000)
