"""What goes on now, in all processes that share the database. Each is two queries, for a thread that may block."""

from collections.abc import Iterable
from typing import TypeVar

from commands.living import living
from commands.models import Connection, Execution

T = TypeVar("T", Connection, Execution)

LIMIT = 500
"""Of one answer: a page of more is none that anybody reads."""


def connected(limit: int = LIMIT) -> list[Connection]:
    """The clients that have logged in and are still there, the last one first."""
    return _of_the_living(Connection.objects.order_by("-since")[:limit])


def running(limit: int = LIMIT) -> list[Execution]:
    """The executions that have not ended, the last one first."""
    return _of_the_living(Execution.objects.filter(outcome="").order_by("-started")[:limit])


def connections_of(user_id: int) -> list[Connection]:
    """All of one user."""
    return _of_the_living(Connection.objects.filter(user_id=user_id))


def executions_of(user_id: int) -> list[Execution]:
    """All of one user that have not ended."""
    return _of_the_living(Execution.objects.filter(user_id=user_id, outcome=""))


def _of_the_living(rows: Iterable[T]) -> list[T]:
    found = list(rows)
    alive = living({row.chain_id for row in found})
    return [row for row in found if row.chain_id in alive]
