"""What goes on now: of living processes alone, the last one first, as much as a page shows."""

import subprocess
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from commands.evidence import head
from commands.live import now
from commands.models import Chain, Connection
from tests.commands.admin.conftest import make_execution

pytestmark = pytest.mark.django_db

HOST = head.node().rpartition(":")[0]


def chain(node: str = "mail1.example:7", unseen: float = 0, **fields: Any) -> uuid.UUID:
    """Of a process that was seen so many seconds ago."""
    key: uuid.UUID = Chain.objects.create(node=node, **fields).pk
    Chain.objects.filter(pk=key).update(seen_at=timezone.now() - timedelta(seconds=unseen))
    return key


def connect(chain_id: uuid.UUID, age: float = 0, user_id: int = 7) -> uuid.UUID:
    since = timezone.now() - timedelta(seconds=age)
    row = Connection(user_id=user_id, username="ann", door="imap", since=since, chain_id=chain_id, node="n")
    row.save()
    return row.pk


def execute(chain_id: uuid.UUID | None, age: float = 0, user_id: int = 7) -> uuid.UUID:
    started = timezone.now() - timedelta(seconds=age)
    key: uuid.UUID = make_execution(chain_id=chain_id, started=started, user_id=user_id).pk
    return key


Make = Callable[..., uuid.UUID]
Ask = Callable[..., Sequence[Any]]
BOTH = pytest.mark.parametrize(
    ("make", "ask", "ask_of"),
    [(connect, now.connected, now.connections_of), (execute, now.running, now.executions_of)],
    ids=["connections", "executions"],
)


def keys(rows: Sequence[Any]) -> list[uuid.UUID]:
    return [row.pk for row in rows]


@BOTH
def test_last_one_comes_first_and_no_more_than_wanted(make: Make, ask: Ask, ask_of: Ask) -> None:
    here = chain()
    middle, old, new = (make(here, age) for age in (20, 30, 10))
    assert keys(ask()) == [new, middle, old]
    assert keys(ask(limit=2)) == [new, middle]


@BOTH
def test_what_dead_processes_have_left_is_not_there(make: Make, ask: Ask, ask_of: Ask) -> None:
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    make(chain(unseen=90))
    make(chain(ended_at=timezone.now()))
    make(chain(f"{HOST}:{process.pid}"))
    make(uuid.uuid4())  # its chain is gone
    alive = make(chain(unseen=30))
    assert keys(ask()) == keys(ask_of(7)) == [alive]


@BOTH
def test_of_one_user_is_what_is_theirs(make: Make, ask: Ask, ask_of: Ask) -> None:
    here = chain()
    mine = {make(here), make(here)}
    make(here, user_id=8)
    assert set(keys(ask_of(7))) == mine
    assert ask_of(9) == []


@BOTH
def test_it_is_two_queries_however_much_there_is(
    make: Make, ask: Ask, ask_of: Ask, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        make(chain(f"mail{number}.example:7"))
    for each in (ask, lambda: ask_of(7)):
        with django_assert_max_num_queries(2):
            assert len(each()) == 20


def test_execution_that_has_ended_does_not_run() -> None:
    make_execution(chain_id=chain(), outcome="exit")
    execute(None)  # from before there were chains
    assert now.running() == []
