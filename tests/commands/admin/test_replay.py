"""The replay in the browser: who may see it, that it is on record first, its data in parts, its search, its files."""

import base64
import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from commands.models import AuditEvent, Execution, TranscriptChunk
from commands.transcript import reading, searching

from .conftest import make_execution

pytestmark = pytest.mark.django_db(transaction=True)

VIEWS = ("", "data/", "search/?q=x", "download/asciicast/", "download/output/", "download/input/")


def add_chunks(execution: Execution, *pieces: tuple[int, str, bytes | None], size: int = 5) -> None:
    """Each piece: milliseconds, stream, data."""
    TranscriptChunk.objects.bulk_create(
        TranscriptChunk(
            execution_id=execution.pk,
            sequence=number,
            at=timezone.now(),
            offset=milliseconds * 1000,
            stream=stream,
            size=size if data is None else len(data),
            data=data,
        )
        for number, (milliseconds, stream, data) in enumerate(pieces, start=1)
    )


@pytest.fixture
def execution(db: None) -> Execution:
    execution = make_execution(verb="calendar", transcript="full", outcome="exit", exit_code=0)
    add_chunks(
        execution,
        (10, "i", b"find caf\xc3"),
        (20, "i", b"\xa9\n"),
        (500, "o", b"\x1b[1mCaf\xc3\xa9 at noon\r\n"),
        (900, "e", b"warned\n"),
    )
    return execution


def client_with(*permissions: str) -> Client:
    user = User.objects.create_user("carol", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def page_of(execution: Execution, end: str = "") -> str:
    return f"/admin/commands/execution/{execution.pk}/replay/{end}"


def token_of(client: Client, execution: Execution) -> dict[str, str]:
    page = client.get(page_of(execution)).content.decode()
    return {"X-Replay-Token": page.partition('data-token="')[2].partition('"')[0]}


def views() -> list[tuple[str, str, str, str | None, uuid.UUID | None]]:
    return list(
        AuditEvent.objects.filter(kind="view")
        .order_by("pk")
        .values_list("reason", "actor", "door", "remote_addr", "execution_id")
    )


def test_page_opens_when_it_is_on_record_who_sees_it(admin_client: Client, execution: Execution):
    page = admin_client.get(page_of(execution))
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert views() == [("transcript: replay", "admin", "web", "127.0.0.1", execution.pk)]
    assert b"Caf" not in page.content
    assert b"<script>" not in page.content.partition(b'id="replay"')[2].partition(b"</section>")[0]


@pytest.mark.parametrize("permissions", [(), ("view_execution",), ("view_transcriptchunk",)])
def test_right_to_executions_is_none_to_transcripts(execution: Execution, permissions: tuple[str, ...]):
    client = client_with(*permissions)
    assert [client.get(page_of(execution, end)).status_code for end in VIEWS] == [403] * len(VIEWS)
    assert views() == []


def test_who_is_not_logged_in_is_led_to_the_login(client: Client, execution: Execution):
    assert [client.get(page_of(execution, end)).status_code for end in VIEWS] == [302] * len(VIEWS)


def test_both_rights_open_it_and_the_execution_has_a_link(execution: Execution):
    client = client_with("view_execution", "view_transcriptchunk")
    assert client.get(page_of(execution)).status_code == 200
    assert page_of(execution) in client.get(f"/admin/commands/execution/{execution.pk}/change/").content.decode()


def test_link_is_shown_to_nobody_else(execution: Execution):
    page = client_with("view_execution").get(f"/admin/commands/execution/{execution.pk}/change/")
    assert page_of(execution) not in page.content.decode()


def test_data_and_search_are_for_who_has_opened_the_page(admin_client: Client, execution: Execution):
    other = make_execution(verb="calendar", transcript="full", outcome="exit")
    add_chunks(other, (1, "o", b"x"))
    theirs = token_of(client_with("view_execution", "view_transcriptchunk"), execution)
    for headers in ({}, {"X-Replay-Token": "forged"}, token_of(admin_client, other), theirs):
        for end in ("data/", "search/?q=x"):
            assert admin_client.get(page_of(execution, end), headers=headers).status_code == 403


def test_data_comes_in_parts(admin_client: Client, execution: Execution, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "BYTES_AT_ONCE", 12)
    token = token_of(admin_client, execution)
    found: list[Any] = []
    while chunks := get_chunks(admin_client, execution, f"after={found[-1][0] if found else 0}", token):
        found += chunks
        assert len(chunks) <= 2
    assert [(sequence, offset, stream, size) for sequence, offset, stream, size, _ in found] == [
        *((1, 10_000, "i", 9), (2, 20_000, "i", 2)),
        *((3, 500_000, "o", 19), (4, 900_000, "e", 7)),
    ]
    assert base64.b64decode(found[2][4]) == b"\x1b[1mCaf\xc3\xa9 at noon\r\n"


def get_chunks(client: Client, execution: Execution, query: str, token: dict[str, str]) -> list[Any]:
    return client.get(page_of(execution, f"data/?{query}"), headers=token).json()["chunks"]


@pytest.mark.parametrize(("at", "first"), [(0, 1), (600_000, 2), (10**12, 3)])
def test_data_around_a_time_begins_before_it(admin_client: Client, execution: Execution, monkeypatch, at, first):
    monkeypatch.setattr(reading, "BYTES_AT_ONCE", 26)
    assert get_chunks(admin_client, execution, f"at={at}", token_of(admin_client, execution))[0][0] == first


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [("CAFÉ", [[2, 20_000], [3, 500_000]]), ("warned", [[4, 900_000]]), ("nothing such", []), ("", [])],
)
def test_search_finds_text_across_chunks_in_any_case(admin_client: Client, execution: Execution, wanted, matches):
    headers = token_of(admin_client, execution)
    answer = admin_client.get(page_of(execution, "search/"), {"q": wanted}, headers=headers)
    assert answer.json() == {"matches": matches, "next": None}


def test_search_goes_on_where_it_stopped_and_finds_what_lies_across(admin_client: Client, monkeypatch):
    monkeypatch.setattr(searching, "PAGES", 2)
    monkeypatch.setattr(reading, "BYTES_AT_ONCE", 1)
    execution = make_execution(transcript="full", outcome="exit")
    add_chunks(execution, (1, "o", b"first"), (2, "o", b"nee"), (3, "o", b"dle"), (4, "o", b"needle"))
    headers, after, found = token_of(admin_client, execution), 0, set()
    while after is not None:
        answer = admin_client.get(
            page_of(execution, "search/"), {"q": "needle", "after": after}, headers=headers
        ).json()
        found |= {sequence for sequence, _ in answer["matches"]}
        after = answer["next"]
    assert found == {3, 4}


def test_files_are_streamed_and_each_is_on_record(admin_client: Client, execution: Execution):
    output = admin_client.get(page_of(execution, "download/output/"))
    assert output["Content-Disposition"] == f'attachment; filename="{execution.pk}.output"'
    assert b"".join(output.streaming_content) == b"\x1b[1mCaf\xc3\xa9 at noon\r\nwarned\n"
    given = b"".join(admin_client.get(page_of(execution, "download/input/")).streaming_content)
    assert given == "find café\n".encode()
    cast = b"".join(admin_client.get(page_of(execution, "download/asciicast/")).streaming_content).decode()
    assert json.loads(cast.splitlines()[1]) == [0.01, "i", "find caf"]
    assert [view[0] for view in views()] == [
        *("transcript: output, raw", "transcript: input, raw"),
        "transcript: asciicast",
    ]


@pytest.mark.parametrize("end", ["", "download/output/"])
def test_what_cannot_be_recorded_is_not_shown(admin_client: Client, execution: Execution, end: str):
    rename("commands_auditevent", "away")
    try:
        answer = admin_client.get(page_of(execution, end))
    finally:
        rename("away", "commands_auditevent")
    assert answer.status_code == 503
    assert b"so nothing is shown" in answer.content
    assert b"data-token" not in answer.content


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"transcript": "none", "outcome": "exit"}, "had no transcript when it ran"),
        ({"transcript": "full", "outcome": "exit"}, "nothing went in or out"),
        ({"transcript": "full"}, "Nothing is recorded of it yet"),
    ],
)
def test_page_says_why_there_is_nothing(admin_client: Client, fields: dict[str, str], text: str):
    assert text in admin_client.get(page_of(make_execution(**fields))).content.decode()
    assert views() == []


def test_metadata_has_neither_search_nor_files(admin_client: Client):
    execution = make_execution(transcript="metadata", outcome="exit")
    add_chunks(execution, *[(1, "o", None)] * 100, size=70_000)
    page = admin_client.get(page_of(execution)).content.decode()
    assert "Only sizes and times were recorded" in page
    assert "replay-find" not in page
    chunks = get_chunks(admin_client, execution, "after=0", token_of(admin_client, execution))
    assert chunks == [[number, 1000, "o", 70_000, None] for number in range(1, 101)]


@pytest.mark.parametrize(
    "end", ["download/passwd/", "data/?after=-1", "data/?after=1e9", "data/?at=99999999999999999999"]
)
def test_address_that_makes_no_sense_does_no_harm(admin_client: Client, execution: Execution, end: str):
    headers = token_of(admin_client, execution)
    assert admin_client.get(page_of(execution, end), headers=headers).status_code in (200, 404)
    assert (
        admin_client.get(f"/admin/commands/execution/{uuid.uuid4()}/replay/{end}", headers=headers).status_code == 404
    )
