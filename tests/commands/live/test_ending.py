"""Ending: the record of who ended what goes with the request to end it, both or neither."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.db import connection as store
from django.utils import timezone

from commands import audit
from commands.live import now
from commands.live.ending import Actor, end_connection, end_execution, end_user
from commands.models import AuditEvent, Chain, Connection, EndRequest, Execution
from tests.commands.admin.conftest import make_execution

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = Actor(3, "admin", "192.0.2.1", tls=True)
TERMINAL = Actor(None, "root (manage.py end)", None, tls=False, door="terminal")


@contextmanager
def away(table: str) -> Iterator[None]:
    """Nothing can be written to it."""
    with store.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO away")
    try:
        yield
    finally:
        with store.cursor() as cursor:
            cursor.execute(f"ALTER TABLE away RENAME TO {table}")


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def execution(ann: User) -> Execution:
    chain = Chain.objects.create(node="mail1.example:7")
    return make_execution(user_id=ann.pk, username="ann", verb="blacklist", chain_id=chain.pk)


@pytest.fixture
def connection(ann: User, execution: Execution) -> Connection:
    return Connection.objects.create(
        user_id=ann.pk,
        username="ann",
        remote_addr="2001:db8::7",
        door="imap",
        since=timezone.now(),
        chain_id=execution.chain_id,
        node="mail1.example:7",
    )


@pytest.fixture(params=["execution", "connection", "user"])
def end(request: pytest.FixtureRequest, execution: Execution, connection: Connection) -> Callable[[], object]:
    """Each of the three ways."""
    ends: dict[str, Callable[[], object]] = {
        "execution": lambda: end_execution(execution, "noise", OPERATOR),
        "connection": lambda: end_connection(connection, "noise", OPERATOR),
        "user": lambda: end_user(execution.user_id, "noise", OPERATOR),
    }
    return ends[request.param]


@pytest.mark.parametrize("table", ["commands_auditevent", "commands_endrequest"])
def test_neither_is_there_without_the_other(end: Callable[[], object], table: str) -> None:
    with away(table), pytest.raises(audit.StoreUnavailable):
        end()
    assert not EndRequest.objects.exists()
    assert not AuditEvent.objects.exists()
    end()  # the writer is none the worse for it
    assert AuditEvent.objects.get().kind == "change"


def test_record_of_an_execution_leads_to_it(execution: Execution) -> None:
    end_execution(execution, " noise\n", OPERATOR)
    event = AuditEvent.objects.get()
    assert (event.kind, event.outcome, event.execution_id, event.verb) == ("change", "ended", execution.pk, "blacklist")
    assert event.reason == f"execution {str(execution.pk)[:8]} of ann ended: noise"
    assert (event.actor_id, event.actor, event.remote_addr, event.door) == (3, "admin", "192.0.2.1", "web")
    request = EndRequest.objects.get()
    assert (request.target, request.reason, request.made_by) == (execution.pk, "noise", "admin")


def test_record_of_a_connection_says_whose_and_from_where(connection: Connection) -> None:
    end_connection(connection, "noise", TERMINAL)
    event = AuditEvent.objects.get()
    assert event.reason == "connection of ann from 2001:db8::7 ended: noise"
    assert (event.actor_id, event.actor, event.remote_addr, event.door) == (None, TERMINAL.username, None, "terminal")
    assert EndRequest.objects.get().target == connection.pk


def test_all_of_a_user_is_both(ann: User, execution: Execution, connection: Connection) -> None:
    assert end_user(ann.pk, "noise", OPERATOR) == (1, 1)
    assert AuditEvent.objects.get().reason == "all of user ann (1 execution and 1 connection) ended: noise"
    assert set(EndRequest.objects.values_list("target", flat=True)) == {execution.pk, connection.pk}


def test_user_who_has_nothing_or_is_deleted_is_recorded_too(ann: User) -> None:
    number = ann.pk
    ann.delete()
    assert end_user(number, "noise", OPERATOR) == (0, 0)
    assert (
        AuditEvent.objects.get().reason == f"all of user number {number} (0 executions and 0 connections) ended: noise"
    )
    assert not EndRequest.objects.exists()


def test_first_of_two_requests_counts(execution: Execution) -> None:
    end_execution(execution, "first", OPERATOR)
    end_user(execution.user_id, "second", TERMINAL)
    assert EndRequest.objects.get(target=execution.pk).reason == "first"
    assert list(AuditEvent.objects.order_by("pk").values_list("actor", flat=True)) == ["admin", TERMINAL.username]


def test_long_name_and_reason_are_cut_to_their_columns(execution: Execution) -> None:
    end_execution(execution, "ü" * 1000, Actor(3, "x" * 400, None, tls=False))
    request = EndRequest.objects.get()
    assert (request.reason, request.made_by) == ("ü" * 200, "x" * 150)
    assert now.running() == [execution]  # it is its process that ends it
