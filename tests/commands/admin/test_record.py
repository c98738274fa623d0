"""Executions and audit events: read-only, searchable, and as cheap with many rows as with few."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands.admin.base import CappedPaginator
from commands.audit import redact
from commands.models import AuditEvent, Execution
from tests.commands.admin.conftest import make_event, make_execution

EVENTS = "/admin/commands/auditevent/"
EXECUTIONS = "/admin/commands/execution/"
LISTS = {EVENTS: "commands/auditevent", EXECUTIONS: "commands/execution"}


def found(client: Client, address: str) -> list[Any]:
    return list(client.get(address).context["cl"].result_list)


@pytest.mark.parametrize("address", LISTS)
def test_not_even_the_superuser_writes_the_record(admin_client: Client, rows: dict[str, Any], address: str):
    row = f"{address}{rows[LISTS[address]].pk}"
    for page in (f"{row}/change/", f"{row}/delete/", f"{address}add/"):
        assert admin_client.post(page, {"outcome": "ok", "post": "yes"}).status_code == 403, page
    assert admin_client.get(f"{row}/delete/").status_code == 403


@pytest.mark.parametrize("address", LISTS)
def test_no_action_deletes_from_the_record(admin_client: Client, rows: dict[str, Any], address: str):
    before = AuditEvent.objects.count(), Execution.objects.count()
    key = rows[LISTS[address]].pk
    admin_client.post(address, {"action": "delete_selected", "_selected_action": key, "post": "yes"})
    assert (AuditEvent.objects.count(), Execution.objects.count()) == before
    page = admin_client.get(address)
    assert "delete_selected" not in page.content.decode()


def test_newest_come_first(admin_client: Client, db: None):
    now = timezone.now()
    executions = [make_execution(started=now - timedelta(minutes=minutes)) for minutes in (2, 1, 3)]
    events = [make_event() for _ in range(3)]
    assert [each.pk for each in found(admin_client, EXECUTIONS)] == [executions[i].pk for i in (1, 0, 2)]
    assert [each.pk for each in found(admin_client, EVENTS)] == [each.pk for each in reversed(events)]


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("user=ann", 2),
        ("user=an", 0),
        ("verb=blacklist", 1),
        ("outcome=usage", 1),
        ("kind__exact=login", 1),
        ("q=joe@smith", 1),
        ("q=2001:db8::7", 1),
        ("q=no-verb", 1),
        ("at_from=2026-03-10&at_to=2026-03-10", 1),
        ("at_to=2026-03-09", 0),
        ("at_from=2026-03-11", 2),
        ("at_from=rubbish&at_to=", 3),
    ],
)
def test_audit_events_are_filtered_and_searched(admin_client: Client, rows: dict[str, Any], query: str, number: int):
    late = datetime(2026, 3, 10, 23, 59, tzinfo=UTC)
    new = [
        make_event((b"add", b"joe@smith.net"), outcome="usage", at=late),
        make_event(kind="login", outcome="failed", verb="", remote_addr="2001:db8::7"),
        make_event(actor="bob", verb="no-verb"),
    ]
    if query == "q=joe@smith":
        query += ".net"
    result = found(admin_client, f"{EVENTS}?{query}")
    assert len([event for event in result if event in new]) == number


@pytest.mark.parametrize(
    ("query", "number"),
    [("user=demo", 2), ("verb=blacklist", 1), ("outcome=running", 1), ("outcome=timeout", 1), ("q=whitelist", 1)],
)
def test_executions_are_filtered_and_searched(admin_client: Client, query: str, number: int, rows: dict[str, Any]):
    Execution.objects.all().delete()
    make_execution(outcome="timeout")
    make_execution(verb="whitelist")
    make_execution(verb="calendar", username="ann", outcome="exit", exit_code=3)
    assert len(found(admin_client, f"{EXECUTIONS}?{query}")) == number


def test_execution_shows_running_or_its_end(admin_client: Client, db: None):
    running = make_execution()
    page = admin_client.get(f"{EXECUTIONS}{running.pk}/change/").content.decode()
    assert "still running" in page
    make_execution(outcome="exit", exit_code=3)
    page = admin_client.get(EXECUTIONS).content.decode()
    assert "exit 3" in page
    assert "running" in page


def test_execution_links_its_audit_events_and_they_link_it(admin_client: Client, rows: dict[str, Any]):
    execution, event = rows["commands/execution"], rows["commands/auditevent"]
    page = admin_client.get(f"{EXECUTIONS}{execution.pk}/change/").content.decode()
    assert f"{EVENTS}{event.pk}/change/" in page
    assert "allow user demo: blacklist" in page
    page = admin_client.get(f"{EVENTS}{event.pk}/change/").content.decode()
    assert f"{EXECUTIONS}{execution.pk}/change/" in page


def test_reject_shows_the_rule_that_decided(admin_client: Client, rows: dict[str, Any]):
    rule = rows["commands/rule"]
    event = make_event(rule_id=rule.pk, rule="deny in the words of then")
    assert "deny in the words of then" in admin_client.get(EVENTS).content.decode()
    page = f"{EVENTS}{event.pk}/change/"
    assert f"/admin/commands/rule/{rule.pk}/change/" in admin_client.get(page).content.decode()
    rule.delete()
    assert "deny in the words of then" in admin_client.get(page).content.decode()


def test_reject_without_a_rule_shows_its_reason(admin_client: Client, db: None):
    make_event(reason="no rule allows it")
    assert "no rule allows it" in admin_client.get(EVENTS).content.decode()


def test_record_of_a_deleted_user_stays(admin_client: Client, rows: dict[str, Any]):
    demo = rows["auth/user"]
    event, execution = make_event(actor="demo", actor_id=demo.pk), make_execution(user_id=demo.pk)
    assert admin_client.post(f"/admin/auth/user/{demo.pk}/delete/", {"post": "yes"}).status_code == 302
    assert admin_client.get(f"{EVENTS}{event.pk}/change/").status_code == 200
    assert admin_client.get(f"{EXECUTIONS}{execution.pk}/change/").status_code == 200


@pytest.mark.parametrize("address", LISTS)
def test_list_takes_no_more_queries_for_more_rows(admin_client: Client, rows: dict[str, Any], address: str):
    with CaptureQueriesContext(connection) as few:
        admin_client.get(address)
    for _ in range(40):
        make_event((b"add",), rule_id=rows["commands/rule"].pk, rule="some rule")
        make_execution()
    with CaptureQueriesContext(connection) as many:
        admin_client.get(address)
    assert len(many) == len(few) <= 8


def test_list_counts_no_further_than_the_cap(
    admin_client: Client, rows: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(CappedPaginator, "CAP", 4)
    for _ in range(6):
        make_event()
    response = admin_client.get(EVENTS)
    assert response.context["cl"].result_count == 4
    assert "the first 4 audit events" in response.content.decode()


def test_record_shows_a_secret_by_its_length(admin_client: Client):
    event = make_event((b"hint", redact(b"hunter2", 7)))
    page = admin_client.get(f"/admin/commands/auditevent/{event.pk}/change/").content.decode()
    assert "<li>7 bytes: <code>(secret of 7 bytes, HMAC " in page
