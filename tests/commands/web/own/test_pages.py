"""The users' own pages: what they show, in which words, and nothing of anybody else."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from commands.models import Connection, Lock, Parameter, Rule
from commands.web.own import reading
from tests.commands.admin.conftest import make_event, make_execution, make_verb

pytestmark = pytest.mark.django_db(transaction=True)

Browser = Callable[[User], Client]

PAGES = ("/me/", "/me/history/", "/me/refused/", "/me/logins/")


def text(client: Client, page: str = "/me/", **query: str) -> str:
    response = client.get(page, query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def event_of(user: User, **fields: Any) -> None:
    make_event(**{"actor": user.username, "actor_id": user.pk, "at": timezone.now()} | fields)


def test_verbs_are_those_that_the_user_may_run_with_each_way_to_call_them(ann: User, demo: User, browser: Browser):
    add = (Parameter(name="action", type="word", detail="add"), Parameter(name="address", type="email"))
    shown = (Parameter(name="action", type="word", detail="list"),)
    blacklist = make_verb("blacklist", add, shown, description="Senders")
    calendar = make_verb("calendar", mode="interactive")
    make_verb("secret")
    Rule.objects.create(user=ann, verb=blacklist)
    Rule.objects.create(user=ann, verb=calendar)
    page = text(browser(ann))
    for call in ("EXECUTE blacklist add ADDRESS<", "EXECUTE blacklist list<", "EXECUTE calendar<"):
        assert call in page
    assert "Senders" in page
    assert "dialogue" in page
    assert "secret" not in page
    assert "There is nothing that you may run." in text(browser(demo))


def test_nothing_of_another_user_is_shown(ann: User, demo: User, browser: Browser):
    make_execution(user_id=demo.pk, username="demo", arguments_text="demos-own")
    make_execution(user_id=demo.pk, username="demo", arguments_text="demos-own", outcome="exit")
    for kind, outcome in (("reject", "usage"), ("login", "ok"), ("login", "failed")):
        event_of(demo, kind=kind, outcome=outcome, arguments_text="demos-own", remote_addr="198.51.100.9")
    Connection.objects.create(
        user_id=demo.pk,
        username="demo",
        client_id="demos-own",
        door="imap",
        since=timezone.now(),
        chain_id=uuid.uuid4(),
    )
    Lock.objects.create(user=demo, reason="demos-own", made_by="demo")
    pages = [text(browser(ann), page) for page in PAGES]
    assert not any("demos-own" in page or "198.51.100.9" in page for page in pages)


def test_what_a_name_did_before_its_user_came_is_not_shown(ann: User, browser: Browser):
    before = ann.date_joined - timedelta(days=1)
    make_event(at=before, kind="reject", actor="ann", actor_id=ann.pk + 7, arguments_text="an-earlier-ann")
    make_event(kind="reject", actor="ann", actor_id=ann.pk + 7, arguments_text="an-earlier-ann")
    make_event(at=before, kind="login", outcome="failed", actor="ann", remote_addr="198.51.100.9")
    make_execution(user_id=ann.pk + 7, username="ann", arguments_text="an-earlier-ann")
    for page in PAGES:
        shown = text(browser(ann), page)
        assert "an-earlier-ann" not in shown
        assert "198.51.100.9" not in shown


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"outcome": "exit", "exit_code": 0}, "done"),
        ({"outcome": "exit", "exit_code": 3}, "ended with status 3"),
        ({"outcome": "signal", "exit_code": 9}, "ended by signal 9"),
        ({"outcome": "ended"}, "ended by you or an administrator"),
        ({"outcome": "timeout"}, "it took too long"),
        ({}, "running"),
    ],
)
def test_history_says_in_words_how_it_came_out(ann: User, browser: Browser, fields: dict[str, Any], shown: str):
    make_execution(
        user_id=ann.pk, username="ann", arguments_text="add joe@smith.com", remote_addr="192.0.2.9", **fields
    )
    page = text(browser(ann), "/me/history/")
    assert shown in page
    assert "blacklist add joe@smith.com" in page
    assert "192.0.2.9" in page


def test_history_is_filtered_by_verb_and_by_day(ann: User, browser: Browser):
    now = timezone.now()
    make_execution(user_id=ann.pk, verb="blacklist", started=now)
    make_execution(user_id=ann.pk, verb="calendar", started=now - timedelta(days=3))
    day = timezone.localtime(now - timedelta(days=3)).date().isoformat()
    assert "<code>calendar" not in text(browser(ann), "/me/history/", verb="Blacklist")
    assert "<code>blacklist" not in text(browser(ann), "/me/history/", day=day)
    assert "<code>calendar" in text(browser(ann), "/me/history/", day=day)
    assert "Nothing ran that fits." in text(browser(ann), "/me/history/", verb="nosuch")


@pytest.mark.parametrize("query", [{"before": "x"}, {"before": "1.x"}, {"before": f"{10**40}."}, {"day": "yesterday"}])
def test_place_that_is_none_is_refused_with_a_way_back(ann: User, browser: Browser, query: dict[str, str]):
    response = browser(ann).get("/me/history/", query)
    assert response.status_code == 400
    assert "Begin with the newest" in response.content.decode()


def test_pages_go_back_to_the_oldest_and_show_each_once(ann: User, browser: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "PAGE", 4)
    at = timezone.now()
    for number in range(10):  # some at the same moment
        make_execution(user_id=ann.pk, started=at - timedelta(seconds=number // 3), arguments_text=f"n{number}.")
    client, address, seen = browser(ann), "/me/history/", ""
    for _ in range(4):
        response = client.get(address)
        seen += response.content.decode()
        if not response.context["older"]:
            break
        address = "/me/history/" + response.context["older"]
    assert [seen.count(f"n{number}.") for number in range(10)] == [1] * 10


def test_page_looks_through_so_many_rows_and_says_where_it_stopped(
    ann: User, browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "SCAN", 5)
    at = timezone.now()
    for number in range(12):
        make_execution(user_id=ann.pk, verb="calendar" if number == 11 else "blacklist", started=at - timedelta(number))
    client, address, pages = browser(ann), "/me/history/?verb=calendar", 0
    while address:
        response = client.get(address)
        pages += 1
        found = "<code>calendar" in response.content.decode()
        assert found == (not response.context["older"])
        assert found or "Look further back" in response.content.decode()
        address = "/me/history/" + response.context["older"] if response.context["older"] else ""
    assert pages == 3


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        (
            {"outcome": "noperm", "reason": "lock 3: user ann (inner words)"},
            "you may not run this verb, or there is none",
        ),
        ({"outcome": "noverb", "reason": "no such verb"}, "you may not run this verb, or there is none"),
        ({"outcome": "usage", "reason": "blacklist: usage: add ADDRESS"}, "blacklist: usage: add ADDRESS"),
        ({"outcome": "limit", "reason": "too many executions at once"}, "too many executions at once"),
        ({"outcome": "privacyrequired", "reason": "rule 4: inner words"}, "this verb needs TLS"),
    ],
)
def test_refusal_is_told_as_the_client_was_told(ann: User, browser: Browser, fields: dict[str, Any], shown: str):
    event_of(ann, kind="reject", rule="rule 4: inner words", **fields)
    page = text(browser(ann), "/me/refused/")
    assert shown in page
    assert "inner words" not in page


def test_whoever_may_read_the_record_is_told_the_rule_of_their_refusals(ann: User, browser: Browser):
    ann.user_permissions.add(Permission.objects.get(codename="view_auditevent"))
    event_of(ann, kind="reject", outcome="noperm", rule="rule 4: inner words")
    assert "inner words" in text(browser(ann), "/me/refused/")


def test_failed_logins_of_the_name_ask_whether_that_was_you(ann: User, browser: Browser):
    assert "Was that you?" not in text(browser(ann))
    for address in ("198.51.100.9", "198.51.100.10"):
        make_event(kind="login", outcome="failed", actor="ann", remote_addr=address, reason="the engine said no")
    assert "2 logins with your name failed in the last 7 days" in text(browser(ann))
    page = text(browser(ann), "/me/logins/")
    assert "198.51.100.9" in page
    assert "refused" in page
    assert "the engine said no" not in page


def test_what_others_wrote_is_inert(ann: User, browser: Browser):
    make_execution(user_id=ann.pk, arguments_text="<script>\u202eevil</script>", client_id="<img src=x>\u202e")
    event_of(ann, kind="reject", outcome="usage", verb="\u202e<b>", reason="<script>\u202e")
    for page in PAGES:
        shown = text(browser(ann), page)
        assert "<script>" not in shown.replace('<script type="module"', "")
        assert "<img src=x" not in shown
        assert "\u202e" not in shown


@pytest.mark.parametrize("page", PAGES)
def test_page_has_no_inline_script_or_style(ann: User, browser: Browser, page: str):
    shown = text(browser(ann), page)
    assert " style=" not in shown
    assert "<style" not in shown
    assert " on" + "click=" not in shown


def test_only_who_is_staff_sees_the_way_to_the_admin(ann: User, browser: Browser):
    assert 'href="/admin/"' not in text(browser(ann))
    ann.is_staff = True
    ann.save()
    assert 'href="/admin/"' in text(browser(ann))


def test_number_of_queries_does_not_grow_with_the_rows(ann: User, browser: Browser, django_assert_max_num_queries: Any):
    for _ in range(20):
        make_execution(user_id=ann.pk)
        make_execution(user_id=ann.pk, outcome="exit", exit_code=0)
        event_of(ann, kind="reject")
        event_of(ann, kind="login", outcome="ok")
    client = browser(ann)
    for page in PAGES:
        with django_assert_max_num_queries(12):
            client.get(page)
