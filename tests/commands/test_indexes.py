"""Indexes of the record: what the admin lists is found newest first, without reading or sorting the rest."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from commands import partitions
from commands.models import AuditEvent, Execution

pytestmark = pytest.mark.django_db

START = datetime(2030, 1, 1, tzinfo=UTC)
ROWS = 4000
RARE = 40  # each such one differs from the rest


@pytest.fixture
def events():
    partitions.ensure(now=START)
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=START + timedelta(seconds=number),
            kind="accept" if number % RARE else "reject",
            outcome="accepted" if number % RARE else "noperm",
            actor="ann" if number % RARE else "bob",
            verb="calendar" if number % RARE else "deliver",
            remote_addr="192.0.2.7" if number % RARE else "2001:db8::7",
            execution_id=uuid.UUID(int=number),
            node="n",
        )
        for number in range(ROWS)
    )
    count_values(AuditEvent)
    return AuditEvent.objects.order_by("-at", "-pk")  # as the admin makes it


@pytest.fixture
def executions():
    Execution.objects.bulk_create(
        Execution(
            started=START + timedelta(seconds=number),
            user_id=1,
            username="ann" if number % RARE else "bob",
            verb="calendar" if number % RARE else "deliver",
            outcome="exit" if number % RARE else "",
            door="imap",
        )
        for number in range(ROWS)
    )
    count_values(Execution)
    return Execution.objects.order_by("-started", "-pk")  # as the admin makes it


def count_values(model):
    """As PostgreSQL does by itself after a while; SQLite never does."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {model._meta.db_table}")


def is_sorted(plan: str) -> bool:
    """Whether more is sorted than those that started at the same time."""
    return bool(re.search(r"(^|-> +)Sort\b|TEMP B-TREE FOR ORDER BY", plan, re.MULTILINE))


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "at_idx|auditevent_at"),
        ({"actor": "bob"}, "actor_at_idx|auditevent_actor"),
        ({"verb": "deliver"}, "verb_at_idx|auditevent_verb"),
        ({"remote_addr": "2001:db8::7"}, "remote_addr_at_idx|auditevent_address"),
        ({"outcome": "noperm"}, "outcome_at_idx|auditevent_outcome"),
        ({"kind": "reject"}, "at_idx1|auditevent_rejects"),
    ],
)
def test_page_of_filtered_events_is_read_from_an_index(events, filters, index):
    if "outcome" in filters and connection.vendor == "sqlite":
        pytest.skip("SQLite does not see that this value is none of those left out")
    plan = events.filter(**filters)[:5].explain()
    assert re.search(index, plan), plan
    assert not is_sorted(plan), plan


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"at__gte": START, "at__lt": START + timedelta(seconds=5)}, "at_idx|auditevent_at"),
        ({"execution_id": uuid.UUID(int=7)}, "execution_id_idx|auditevent_execution"),
    ],
)
def test_few_events_are_found_by_an_index(events, filters, index):
    plan = events.filter(**filters).explain()
    assert re.search(index, plan), plan


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "execution_started"),
        ({"username": "bob"}, "execution_username"),
        ({"verb": "deliver"}, "execution_verb"),
        ({"outcome": ""}, "execution_running"),
    ],
)
def test_page_of_executions_is_read_from_an_index(executions, filters, index):
    plan = executions.filter(**filters)[:5].explain()
    assert re.search(index, plan), plan
    assert not is_sorted(plan), plan
