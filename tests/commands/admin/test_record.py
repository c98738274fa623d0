"""Executions and audit events: read-only, searchable, and as cheap with many rows as with few."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands.admin import record
from commands.admin.audit import AuditEventAdmin
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
        ("kind=login", 1),
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
    monkeypatch.setattr(record, "CAP", 4)
    monkeypatch.setattr(AuditEventAdmin, "list_per_page", 2)
    for _ in range(6):
        make_event()
    response = admin_client.get(EVENTS)
    assert response.context["cl"].result_count == 4
    assert "more than 4 audit events" in " ".join(response.content.decode().split())


def test_record_shows_a_secret_by_its_length(admin_client: Client):
    event = make_event((b"hint", redact(b"hunter2", 7)))
    page = admin_client.get(f"/admin/commands/auditevent/{event.pk}/change/").content.decode()
    assert "<li>7 bytes: <code>(secret of 7 bytes, HMAC " in page


def page(client: Client, address: str) -> Any:
    return client.get(address).context["cl"]


def keys(changelist: Any) -> list[Any]:
    return [row.pk for row in changelist.result_list]


@pytest.fixture
def seven(db: None, monkeypatch: pytest.MonkeyPatch) -> list[AuditEvent]:
    """Newest first, three to a page; two happened at the same moment."""
    monkeypatch.setattr(AuditEventAdmin, "list_per_page", 3)
    now = timezone.now()
    minutes = (7, 6, 5, 4, 4, 2, 1)
    return [make_event(at=now - timedelta(minutes=each), actor=f"user{each}") for each in minutes][::-1]


def test_older_and_newer_lead_through_all_rows_and_back(admin_client: Client, seven: list[AuditEvent]):
    pages = [page(admin_client, EVENTS)]
    while "older" in pages[-1].links:
        pages.append(page(admin_client, EVENTS + pages[-1].links["older"]))
    assert [keys(each) for each in pages] == [[event.pk for event in seven[start : start + 3]] for start in (0, 3, 6)]
    assert "newest" not in pages[0].links
    assert "oldest" not in pages[-1].links
    back = page(admin_client, EVENTS + pages[2].links["newer"])
    assert keys(back) == keys(pages[1])
    assert keys(page(admin_client, EVENTS + back.links["newer"])) == keys(pages[0])


def test_oldest_page_is_the_last_of_the_rows(admin_client: Client, seven: list[AuditEvent]):
    oldest = page(admin_client, EVENTS + page(admin_client, EVENTS).links["oldest"])
    assert keys(oldest) == [event.pk for event in seven[-3:]]
    assert "older" not in oldest.links or not keys(page(admin_client, EVENTS + oldest.links["older"]))
    assert keys(page(admin_client, EVENTS + oldest.links["newer"])) == [event.pk for event in seven[1:4]]


def test_newer_than_all_shows_the_first_page(admin_client: Client, seven: list[AuditEvent]):
    first = page(admin_client, EVENTS)
    assert keys(page(admin_client, EVENTS + first.get_query_string({"after": str(first._place_of(seven[0]))}))) == keys(
        first
    )


def test_row_that_comes_in_between_moves_no_page(admin_client: Client, seven: list[AuditEvent]):
    older = page(admin_client, EVENTS).links["older"]
    make_event()
    assert keys(page(admin_client, EVENTS + older)) == [event.pk for event in seven[3:6]]


def test_links_keep_filters_and_filters_begin_at_the_first_page(admin_client: Client, seven: list[AuditEvent]):
    changelist = page(admin_client, f"{EVENTS}?kind=reject")
    assert "kind=reject" in changelist.links["older"]
    assert "before" not in page(admin_client, EVENTS + changelist.links["older"]).get_query_string()


@pytest.mark.parametrize(
    "query", ["before=rubbish", "after=1.x", "before=99999999999999999999999.1", "address=rubbish"]
)
def test_place_or_filter_that_is_none_leads_to_the_plain_list(
    admin_client: Client, seven: list[AuditEvent], query: str
):
    assert admin_client.get(f"{EVENTS}?{query}").headers["Location"].endswith("?e=1")


def test_list_is_not_sorted_by_a_column_that_the_address_names(admin_client: Client, seven: list[AuditEvent]):
    assert keys(page(admin_client, f"{EVENTS}?o=4")) == [event.pk for event in seven[:3]]


@pytest.fixture
def scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "SCAN", 4)


def test_search_says_how_far_it_looked_and_goes_on_from_there(
    admin_client: Client, seven: list[AuditEvent], scan: None
):
    first = page(admin_client, f"{EVENTS}?q=user7")
    assert keys(first) == []
    assert first.searched_to == seven[4].at
    answer = admin_client.get(f"{EVENTS}?q=user7").content.decode()
    assert "Search further back" in answer
    further = page(admin_client, EVENTS + first.links["further"])
    assert keys(further) == [seven[6].pk]
    assert further.searched_to is None


def test_search_shows_a_full_page_before_it_says_anything(admin_client: Client, seven: list[AuditEvent], scan: None):
    first = page(admin_client, f"{EVENTS}?q=blacklist")
    assert keys(first) == [event.pk for event in seven[:3]]
    assert first.searched_to is None
    assert "older" in first.links


def test_several_filters_look_only_through_the_rows_of_the_best(
    admin_client: Client, seven: list[AuditEvent], scan: None
):
    late = make_event(actor="user7", verb="calendar", at=seven[-1].at - timedelta(minutes=1))
    assert keys(page(admin_client, f"{EVENTS}?user=user7&verb=calendar")) == [late.pk]


def test_start_of_a_name_finds_all_where_they_are_few(admin_client: Client, seven: list[AuditEvent], scan: None):
    changelist = page(admin_client, f"{EVENTS}?user=user7*")
    assert keys(changelist) == [seven[-1].pk]
    assert changelist.searched_to is None
    assert keys(page(admin_client, f"{EVENTS}?user=user*")) == [event.pk for event in seven[:3]]


@pytest.mark.parametrize(("query", "number"), [("address=192.0.2.7", 1), ("address=192.0.2.8", 0)])
def test_one_address_is_found(admin_client: Client, db: None, query: str, number: int):
    make_event()
    assert len(found(admin_client, f"{EVENTS}?{query}")) == number


def test_network_is_found_where_the_database_knows_addresses(admin_client: Client, db: None):
    make_event()
    make_event(remote_addr="2001:db8::7")
    if connection.vendor != "postgresql":
        assert admin_client.get(f"{EVENTS}?address=192.0.2.0/24").status_code == 302
        return
    assert [each.remote_addr for each in found(admin_client, f"{EVENTS}?address=192.0.2.0/24")] == ["192.0.2.7"]
    assert [each.remote_addr for each in found(admin_client, f"{EVENTS}?address=2001:db8::/32")] == ["2001:db8::7"]


def test_alerts_are_on_the_first_page(admin_client: Client, db: None):
    make_event(kind="alert", outcome="locked-out", reason="ten failed logins")
    overview = admin_client.get("/admin/").content.decode()
    assert "Last alerts" in overview
    assert "ten failed logins" in overview


def test_event_shows_its_place_in_its_chain(admin_client: Client, db: None):
    chain = uuid.uuid4()
    event = make_event(chain_id=chain, sequence=42, mac=b"\x01\xff", client_id="name=x\u202eevil")
    shown = admin_client.get(f"{EVENTS}{event.pk}/change/").content.decode()
    assert str(chain) in shown
    assert "01ff" in shown
    assert "name=x\\u202eevil" in shown
