"""The audit list as a file: what its filters leave, and that it was taken is on record first."""

import csv
import io
import json

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import AsyncClient, Client

from commands.models import AuditEvent

from .conftest import make_event

pytestmark = pytest.mark.django_db(transaction=True)

EXPORT = "/admin/commands/auditevent/export"


def test_export_has_what_the_filters_and_the_search_leave(admin_client: Client):
    for actor, verb in (("ann", "blacklist"), ("bob", "calendar"), ("bob", "blacklist")):
        make_event(actor=actor, verb=verb)
    answer = admin_client.get(f"{EXPORT}/jsonl/", {"user": "bob", "q": "calendar"})
    assert answer["Content-Type"] == "application/jsonl"
    (event,) = map(json.loads, b"".join(answer.streaming_content).splitlines())
    assert (event["actor"], event["verb"]) == ("bob", "calendar")
    view = AuditEvent.objects.get(kind="view")
    assert (view.reason, view.actor, view.door) == ("audit log: jsonl, user=bob&q=calendar", "admin", "web")


def test_csv_is_a_file_that_a_spreadsheet_opens(admin_client: Client):
    make_event(actor="=1+1")
    answer = admin_client.get(f"{EXPORT}/csv/")
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-')
    header, event, _ = csv.reader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert dict(zip(header, event, strict=True))["actor"] == "'=1+1"


def test_list_links_to_its_export_with_its_filters(admin_client: Client):
    page = admin_client.get("/admin/commands/auditevent/?user=ann").content.decode()
    assert f"{EXPORT}/jsonl/?user=ann" in page
    assert f"{EXPORT}/csv/?user=ann" in page


def test_export_is_for_who_may_see_the_list(client: Client):
    assert client.get(f"{EXPORT}/csv/").status_code == 302
    client.force_login(User.objects.create_user("carol", is_staff=True))
    assert client.get(f"{EXPORT}/csv/").status_code == 403


def test_format_that_is_none_is_not_found(admin_client: Client):
    assert admin_client.get(f"{EXPORT}/xlsx/").status_code == 404


def test_export_that_cannot_be_recorded_is_none(admin_client: Client):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE commands_chain RENAME TO away")
    try:
        answer = admin_client.get(f"{EXPORT}/csv/")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO commands_chain")
    assert answer.status_code == 503


async def test_over_asgi_it_is_sent_as_it_is_made(admin_user: User):
    client = AsyncClient()
    await database_sync_to_async(lambda: (client.force_login(admin_user), [make_event() for _ in range(3)]))()
    answer = await client.get(f"{EXPORT}/jsonl/")
    assert answer.is_async
    lines = b"".join([block async for block in answer.streaming_content]).splitlines()
    assert [json.loads(line)["kind"] for line in lines if b'"login"' not in line] == ["reject"] * 3 + ["view"]
    await database_sync_to_async(connections.close_all)()  # the thread's of the view, which the test client leaves open
