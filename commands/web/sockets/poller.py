"""Reads what goes on for all who look at it: once for this process, and only as long as somebody looks."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from channels.db import database_sync_to_async

from commands.live import now
from commands.web.liverows import Row, connection_row, execution_row

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5

LIMIT = 500  # rows of a table: more than a person reads, and some 300 KB

CONNECTIONS, EXECUTIONS = "connections", "executions"

Rows = Mapping[str, Row]
"""By key, the newest first."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What went on at one moment, by table. `problem`: why that can't be known now."""

    tables: Mapping[str, Rows] = field(default_factory=dict)
    problem: str = ""


class Poller:
    """Each viewer goes through `viewing`, and asks there for one picture after the other."""

    def __init__(self, read: Callable[[], Picture] | None = None, look_seconds: float = LOOK_SECONDS) -> None:
        self._read = read or read_picture
        self._look_seconds = look_seconds
        self._viewers = 0
        self._task: asyncio.Task[None] | None = None
        self._picture: Picture | None = None
        self._next: asyncio.Future[Picture] | None = None

    @property
    def is_looking(self) -> bool:
        return self._task is not None

    @contextlib.contextmanager
    def viewing(self) -> Iterator[None]:
        self._viewers += 1
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            self._task = loop.create_task(self._look())
        try:
            yield
        finally:
            self._viewers -= 1
            if not self._viewers:
                self._task.cancel()
                self._task = self._picture = self._next = None

    async def after(self, picture: Picture | None) -> Picture:
        """A picture that is another one than this, as soon as there is one. Those in between may be left out."""
        while self._picture is None or self._picture == picture:
            if self._next is None:
                raise RuntimeError("to be asked inside `viewing` only")
            await asyncio.shield(self._next)
        return self._picture

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                picture = await database_sync_to_async(self._read, thread_sensitive=False)()
            except Exception:  # whatever it is: else all pages would stand still and say nothing
                if self._picture is None or not self._picture.problem:
                    logger.warning("What goes on can't be read, so the live pages stand still", exc_info=True)
                picture = Picture(problem="The database can't be read now: what is shown is what was last known.")
            told, self._picture, self._next = self._next, picture, loop.create_future()
            if told is not None:
                told.set_result(picture)
            await asyncio.sleep(self._look_seconds)


def read_picture() -> Picture:
    connections = map(connection_row, now.connected(LIMIT))
    executions = map(execution_row, now.running(LIMIT))
    return Picture({CONNECTIONS: by_key(connections), EXECUTIONS: by_key(executions)})


def by_key(rows: Iterator[Row]) -> Rows:
    return {str(row["key"]): row for row in rows}


poller = Poller()
