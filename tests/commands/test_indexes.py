"""Indexes of the record: what the admin lists is found newest first, without reading or sorting the rest."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from commands.models import AuditEvent, Execution

pytestmark = pytest.mark.django_db

START = datetime(2030, 1, 1, tzinfo=UTC)
ROWS = 2000
RARE = 500  # each such one differs from the rest


@pytest.fixture
def events():
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=START + timedelta(seconds=number),
            kind="accept" if number % RARE else "reject",
            outcome="accepted" if number % RARE else "noperm",
            actor="ann" if number % RARE else "bob",
            verb="calendar" if number % RARE else "deliver",
            execution_id=uuid.UUID(int=number),
            node="n",
        )
        for number in range(ROWS)
    )
    count_values(AuditEvent)
    return AuditEvent.objects.order_by("-pk")


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
        ({"actor": "bob"}, "auditevent_actor"),
        ({"verb": "deliver"}, "auditevent_verb"),
        ({"outcome": "noperm"}, "auditevent_outcome"),
        ({"kind": "reject"}, "auditevent_rejects"),
    ],
)
def test_page_of_filtered_events_is_read_from_an_index(events, filters, index):
    plan = events.filter(**filters)[:50].explain()
    assert index in plan, plan
    assert not is_sorted(plan), plan


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"at__gte": START, "at__lt": START + timedelta(seconds=5)}, "auditevent_at"),
        ({"execution_id": uuid.UUID(int=7)}, "auditevent_execution"),
    ],
)
def test_few_events_are_found_by_an_index(events, filters, index):
    plan = events.filter(**filters).explain()
    assert index in plan, plan


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "execution_started"),
        ({"username": "bob"}, "execution_username"),
        ({"verb": "deliver"}, "execution_verb"),
        ({"outcome": ""}, "execution_outcome"),
    ],
)
def test_page_of_executions_is_read_from_an_index(executions, filters, index):
    plan = executions.filter(**filters)[:50].explain()
    assert index in plan, plan
    assert not is_sorted(plan), plan
