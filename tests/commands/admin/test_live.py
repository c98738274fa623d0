"""The live page, the watch page, and ending: who sees what, that it is on record first, and what is told."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection as store
from django.test import Client
from django.utils import timezone

from commands import roles
from commands.evidence.head import node
from commands.models import AuditEvent, Chain, Connection, EndRequest, Execution

from .conftest import make_execution

pytestmark = pytest.mark.django_db(transaction=True)

LIVE = "/admin/commands/connection/"
END = f"{LIVE}end/"
JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def data_dir(settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def chain_id(db: None) -> uuid.UUID:
    return Chain.objects.create(node="mail1:7").pk


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def execution(chain_id: uuid.UUID, ann: User) -> Execution:
    return make_execution(
        user_id=ann.pk, username="ann", arguments_text="add joe@smith.com", chain_id=chain_id, node=node()
    )


@pytest.fixture
def connection(chain_id: uuid.UUID, ann: User) -> Connection:
    return Connection.objects.create(
        user_id=ann.pk,
        username="ann",
        remote_addr="192.0.2.7",
        client_id="<script>Mail\u202e",
        door="imap",
        since=timezone.now(),
        chain_id=chain_id,
        node="mail1:7",
    )


def client_with(*permissions: str) -> Client:
    user = User.objects.create_user("carol", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def client_in(role: str) -> Client:
    roles.make()
    user = User.objects.create_user("oscar", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def page_of(client: Client, address: str = LIVE) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return str(response.content.decode())


def body(page: str) -> str:
    """What is no template of rows to come."""
    return re.sub(r"<template>.*?</template>", "", page, flags=re.DOTALL)


def asked() -> list[tuple[str, str]]:
    return list(EndRequest.objects.values_list("reason", "made_by"))


def changes() -> list[tuple[str, str, str]]:
    events = AuditEvent.objects.filter(kind="change").order_by("pk")
    return list(events.values_list("actor", "outcome", "door"))


@pytest.fixture
def store_is_away(admin_client: Client) -> Iterator[None]:
    """Nothing can be recorded."""
    with store.cursor() as cursor:
        cursor.execute("ALTER TABLE commands_auditevent RENAME TO away")
    yield
    with store.cursor() as cursor:
        cursor.execute("ALTER TABLE away RENAME TO commands_auditevent")


# The live page


def test_live_page_shows_without_a_script_who_is_connected_and_what_runs(
    admin_client: Client, execution: Execution, connection: Connection
) -> None:
    page = body(page_of(admin_client))
    assert "add joe@smith.com" in page
    assert "192.0.2.7" in page
    assert f"/admin/commands/execution/{execution.pk}/watch/" in page
    assert f"{END}?execution={execution.pk}" in page
    assert f"{END}?connection={connection.pk}" in page


def test_live_page_makes_what_clients_call_themselves_harmless(admin_client: Client, connection: Connection) -> None:
    page = page_of(admin_client)
    assert "<script>Mail" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;Mail\\u202e" in page


def test_live_page_has_no_rows_of_what_has_ended_or_whose_process_is_dead(
    admin_client: Client, execution: Execution, connection: Connection, chain_id: uuid.UUID
) -> None:
    make_execution(chain_id=chain_id, arguments_text="has ended", outcome="exit")
    assert "has ended" not in page_of(admin_client)
    Chain.objects.filter(pk=chain_id).update(ended_at=timezone.now())
    page = page_of(admin_client)
    assert "joe@smith.com" not in page
    assert "192.0.2.7" not in page


def test_live_page_says_what_it_means_that_it_is_empty(admin_client: Client) -> None:
    page = page_of(admin_client)
    assert "Nothing runs now." in page
    assert "Nobody is connected." in page


@pytest.mark.parametrize(
    ("right", "seen", "unseen"),
    [("view_connection", "192.0.2.7", "joe@smith.com"), ("view_execution", "joe@smith.com", "192.0.2.7")],
)
def test_one_right_opens_the_live_page_with_its_table_alone(
    execution: Execution, connection: Connection, right: str, seen: str, unseen: str
) -> None:
    page = page_of(client_with(right))
    assert seen in page
    assert unseen not in page
    assert END not in page
    assert "/watch/" not in body(page)


def test_wall_display_ends_nothing(admin_client: Client, execution: Execution, connection: Connection) -> None:
    page = page_of(admin_client, f"{LIVE}?wall=1")
    assert "joe@smith.com" in page
    assert "data-end" not in page
    assert "<dialog" not in page


def test_sidebar_leads_to_the_live_page_who_may_see_it(rows: Any) -> None:
    assert f'href="{LIVE}"' in page_of(client_in("Operators"), "/admin/")
    assert f'href="{LIVE}"' not in page_of(client_with("view_verb"), "/admin/")


def test_connections_have_no_pages_to_change_them(admin_client: Client, connection: Connection) -> None:
    for end in ("add/", f"{connection.pk}/change/", f"{connection.pk}/delete/", f"{connection.pk}/"):
        assert admin_client.get(f"{LIVE}{end}").status_code == 404
        assert admin_client.post(f"{LIVE}{end}").status_code == 404


# Ending


def test_operator_ends_an_execution_with_a_reason(execution: Execution) -> None:
    client = client_in("Operators")
    page = page_of(client, f"{END}?execution={execution.pk}")
    assert "ann: blacklist add joe@smith.com" in page
    assert asked() == []
    answer = client.post(END, {"execution": execution.pk, "reason": "runs too long"}, follow=True)
    assert "it is gone within a second" in answer.content.decode()
    assert answer.redirect_chain == [(LIVE, 302)]
    assert asked() == [("runs too long", "oscar")]
    assert changes() == [("oscar", "ended", "web")]


def test_connection_is_ended(admin_client: Client, connection: Connection) -> None:
    answer = admin_client.post(END, {"connection": connection.pk, "reason": "lost phone"}, headers=JSON)
    assert answer.json() == {"told": "Ending the connection of ann from 192.0.2.7: it is gone within a second."}
    assert list(EndRequest.objects.values_list("target", flat=True)) == [connection.pk]


@pytest.mark.parametrize("by", ["user", "execution"])
def test_all_of_a_user_is_ended_at_once(
    admin_client: Client, execution: Execution, connection: Connection, ann: User, by: str
) -> None:
    make_execution(user_id=ann.pk + 1, chain_id=execution.chain_id)
    fields = {"user": ann.pk, "reason": "lost phone"}
    if by == "execution":
        fields |= {"execution": execution.pk, "everything": "1"}
    answer = admin_client.post(END, fields, headers=JSON)
    assert answer.json() == {"told": "Ending 1 execution and 1 connection of ann: gone within a second."}
    assert set(EndRequest.objects.values_list("target", flat=True)) == {execution.pk, connection.pk}


def test_one_is_ended_alone_unless_all_is_wanted(
    admin_client: Client, execution: Execution, connection: Connection
) -> None:
    fields = {"execution": execution.pk, "connection": "", "user": execution.user_id, "reason": "runs too long"}
    assert admin_client.post(END, fields, headers=JSON).status_code == 200
    assert list(EndRequest.objects.values_list("target", flat=True)) == [execution.pk]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_nothing_is_ended_without_a_reason(admin_client: Client, execution: Execution, reason: str) -> None:
    fields = {"execution": execution.pk, "reason": reason}
    page = admin_client.post(END, fields)
    assert page.status_code == 200
    assert 'role="alert"' in page.content.decode()
    answer = admin_client.post(END, fields, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["problem"]
    assert asked() == []
    assert changes() == []


@pytest.mark.parametrize(
    ("rights", "allowed"),
    [
        ((), ()),
        (("view_execution", "view_connection"), ()),
        (("end_execution",), ()),
        (("view_execution", "end_execution"), ("execution",)),
        (("view_connection", "end_connection"), ("connection",)),
        (("view_execution", "end_execution", "view_connection"), ("execution",)),
        (
            ("view_execution", "end_execution", "view_connection", "end_connection"),
            ("execution", "connection", "user", "everything"),
        ),
    ],
)
def test_each_is_ended_by_who_has_its_right_alone(
    execution: Execution, connection: Connection, ann: User, rights: tuple[str, ...], allowed: tuple[str, ...]
) -> None:
    client = client_with(*rights)
    cases = {
        "execution": {"execution": execution.pk},
        "connection": {"connection": connection.pk},
        "user": {"user": ann.pk},
        "everything": {"execution": execution.pk, "user": ann.pk, "everything": "1"},
    }
    assert tuple(name for name, fields in cases.items() if client.get(END, fields).status_code == 200) == allowed
    statuses = {
        name: client.post(END, fields | {"reason": "x"}, headers=JSON).status_code for name, fields in cases.items()
    }
    assert statuses == {name: 200 if name in allowed else 403 for name in cases}


def test_what_is_over_is_told_and_nothing_is_recorded(admin_client: Client) -> None:
    ended = make_execution(outcome="exit", exit_code=0)
    answer = admin_client.post(END, {"execution": ended.pk, "reason": "x"}, headers=JSON)
    assert "had ended already: exit" in answer.json()["told"]
    answer = admin_client.post(END, {"connection": uuid.uuid4(), "reason": "x"}, headers=JSON)
    assert answer.json() == {"told": "That connection was gone already."}
    assert (asked(), changes()) == ([], [])


@pytest.mark.parametrize("fields", [{}, {"execution": "x"}, {"user": "-1"}, {"user": "9" * 30}, {"connection": "\x00"}])
def test_target_that_makes_no_sense_ends_nothing(admin_client: Client, fields: dict[str, str]) -> None:
    answer = admin_client.post(END, fields | {"reason": "x"})
    assert (answer.status_code, answer["Location"]) == (302, LIVE)
    assert asked() == []


def test_nothing_is_ended_that_is_not_recorded(admin_client: Client, execution: Execution, store_is_away: None) -> None:
    answer = admin_client.post(END, {"execution": execution.pk, "reason": "x"}, headers=JSON)
    assert answer.status_code == 503
    assert "Not ended" in answer.json()["told"]
    assert asked() == []


def test_way_back_leads_to_our_own_pages_alone(admin_client: Client, execution: Execution) -> None:
    fields = {"execution": execution.pk, "reason": "x"}
    for address, leads in (("https://evil.example/", LIVE), ("//evil.example", LIVE), ("/admin/", "/admin/")):
        assert admin_client.post(END, fields | {"next": address})["Location"] == leads


def test_page_of_a_user_offers_to_end_all_to_who_may(ann: User, execution: Execution, connection: Connection) -> None:
    address = f"/admin/auth/user/{ann.pk}/change/"
    assert f"{END}?user={ann.pk}" in page_of(client_in("Operators"), address)
    assert END not in page_of(client_with("view_user"), address)


def test_page_of_an_execution_offers_to_watch_and_to_end_while_it_runs(
    admin_client: Client, execution: Execution
) -> None:
    address = f"/admin/commands/execution/{execution.pk}/change/"
    page = page_of(admin_client, address)
    assert f"{execution.pk}/watch/" in page
    assert f"{END}?execution={execution.pk}" in page
    Execution.objects.filter(pk=execution.pk).update(outcome="exit")
    page = page_of(admin_client, address)
    assert "/watch/" not in page
    assert END not in page


# Watching


def watch_page(execution: Execution) -> str:
    return f"/admin/commands/execution/{execution.pk}/watch/"


def views() -> list[tuple[str, str, Any]]:
    return list(AuditEvent.objects.filter(kind="view").values_list("reason", "actor", "execution_id"))


def test_watch_page_opens_when_it_is_on_record_who_watches(admin_client: Client, execution: Execution) -> None:
    page = page_of(admin_client, watch_page(execution))
    assert "data-token=" in page
    assert views() == [("execution: watch", "admin", execution.pk)]


def test_nobody_watches_unrecorded(admin_client: Client, execution: Execution, store_is_away: None) -> None:
    answer = admin_client.get(watch_page(execution))
    assert answer.status_code == 503
    assert b"data-token" not in answer.content


def test_watch_page_of_one_that_has_ended_leads_to_its_replay(admin_client: Client) -> None:
    ended = make_execution(outcome="exit", exit_code=0, transcript="full")
    page = page_of(admin_client, watch_page(ended))
    assert "It has ended: exit 0." in page
    assert f"{ended.pk}/replay/" in page
    assert "data-token" not in page
    assert views() == []


def test_watch_page_of_one_that_is_out_of_sight_says_what_to_do(
    admin_client: Client, execution: Execution, settings: Any
) -> None:
    Execution.objects.filter(pk=execution.pk).update(node="mail2:9")
    page = page_of(admin_client, watch_page(execution))
    assert "mail2:9" in page
    assert "IMAPX_REDIS_URL" in page
    assert "data-token" not in page
    settings.REDIS_URL = "redis://127.0.0.1/"
    assert "data-token" in page_of(admin_client, watch_page(execution))


@pytest.mark.parametrize(("role", "status"), [("Auditors", 200), ("Operators", 403), ("Verb editors", 403)])
def test_auditors_watch_and_operators_do_not(execution: Execution, role: str, status: int) -> None:
    assert client_in(role).get(watch_page(execution)).status_code == status


@pytest.mark.parametrize("transcript", ["none", "metadata"])
def test_watch_page_says_that_it_is_not_kept(admin_client: Client, execution: Execution, transcript: str) -> None:
    Execution.objects.filter(pk=execution.pk).update(transcript=transcript)
    assert "can't be seen later" in page_of(admin_client, watch_page(execution))
