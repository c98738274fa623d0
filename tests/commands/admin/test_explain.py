"""The pages that explain: to whom they open, what they say, and that a question can be linked."""

import html
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.http import urlencode

from commands.admin.explainform import from_arguments, to_arguments
from commands.audit import redact
from commands.models import AuditEvent, Execution, Lock, Rule
from tests.commands.admin.conftest import make_event
from tests.commands.explained import make_rule, make_site

PAGE = "/admin/commands/rule/explain/"
PAGES = [PAGE, f"{PAGE}user/", f"{PAGE}verb/", f"{PAGE}table/"]


@pytest.fixture
def explained(db: None) -> dict[str, Any]:
    return make_site()


def read(client: Client, path: str = PAGE, /, **query: str) -> str:
    """The page, as its reader sees its characters."""
    response = client.get(f"{path}?{urlencode(query)}")
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def staff_client(*permissions: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_empty_and_with_rows(admin_client: Client, page: str, request: pytest.FixtureRequest):
    read(admin_client, page)
    request.getfixturevalue("explained")
    read(admin_client, page, user="ann", verb="calendar", q="a", page="2")


@pytest.mark.parametrize("page", PAGES)
def test_page_is_for_those_who_may_view_rules_and_verbs(client: Client, explained: dict[str, Any], page: str):
    assert client.get(page)["Location"].startswith("/admin/login/")
    clerk = staff_client("view_rule")
    assert clerk.get(page).status_code == 403
    User.objects.get(username="clerk").user_permissions.add(Permission.objects.get(codename="view_verb"))
    assert clerk.get(page).status_code == 200


def test_linked_question_is_answered_with_its_rule(admin_client: Client, explained: dict[str, Any]):
    page = read(admin_client, user="ann", verb="Calendar", args="add\n2026-01-01")
    assert "Yes: it would run" in page
    assert f'href="/admin/commands/rule/{explained["calendar_rule"].pk}/change/"' in page
    assert "<li>2026-01-01</li>" in page
    assert "it is for verbs with the tag account" in page


def test_no_says_why(admin_client: Client, explained: dict[str, Any]):
    assert "No: it may not be run" in read(admin_client, user="bob@example.org", verb="passwd", args="-\n-")
    assert "there is no user nobody" in read(admin_client, user="nobody", verb="calendar")
    assert "no such verb" in read(admin_client, user="ann", verb="none")
    page = read(admin_client, user="ann", verb="calendar", args="what")
    assert "but not with these arguments" in page
    assert "calendar add DAY | list" in page
    assert "by TLS alone" in read(admin_client, user="ann", verb="passwd", args="-\n-", tls="no")


@pytest.mark.parametrize("at", ["9999-12-31T23:59", "0001-01-01T00:00"])
def test_time_that_some_zones_do_not_have_is_refused(admin_client: Client, explained: dict[str, Any], at: str):
    assert "too far away" in read(admin_client, user="ann", verb="calendar", args="add\ntomorrow", at=at)


def test_lock_is_named(admin_client: Client, explained: dict[str, Any]):
    lock = Lock.objects.create(everything=True, reason="a fire")
    assert f"lock {lock.pk}: everything (a fire)" in read(admin_client, user="ann", verb="calendar", args="list")


def test_limits_say_how_far_they_are_used(admin_client: Client, explained: dict[str, Any]):
    make_rule("limit", everyone=True, all_verbs=True, per_day=7)
    assert "0 of 7 in 24 hours" in read(admin_client, user="ann", verb="calendar", args="list")


def test_circumstances_are_asked(admin_client: Client, explained: dict[str, Any]):
    make_rule("deny", everyone=True, all_verbs=True, networks="10.0.0.0/8", weekdays="mon", mailbox="INBOX")
    asked = {"user": "ann", "verb": "calendar", "args": "list", "address": "10.0.0.1", "mailbox": "INBOX"}
    assert "No: it may not be run" in read(admin_client, **asked, at="2026-06-01T12:00")
    assert "Yes: it would run" in read(admin_client, **asked, at="2026-06-02T12:00")


def test_field_that_is_none_is_said_and_nothing_is_answered(admin_client: Client, explained: dict[str, Any]):
    page = read(admin_client, user="ann", verb="calendar", address="10.0.0", at="noon")
    assert "Enter a valid IPv4 or IPv6 address" in page
    assert "Enter a valid date/time" in page
    assert "explain-verdict" not in page


def test_form_says_that_the_verb_takes_secrets(admin_client: Client, explained: dict[str, Any]):
    assert "This verb takes secrets" in read(admin_client, verb="passwd")
    assert "This verb takes secrets" not in read(admin_client, verb="calendar")


def test_secret_in_the_address_is_not_on_the_page(admin_client: Client, explained: dict[str, Any]):
    page = read(admin_client, user="ann", verb="passwd", args="hunter2\nhunter3")
    assert "hunter" not in page
    assert "A secret argument stood in this page's address" in page
    assert "ann: passwd (secret) (secret)" in page
    assert "A secret argument stood" not in read(admin_client, user="ann", verb="passwd", args="-\n-")


def test_audit_event_fills_the_form(admin_client: Client, explained: dict[str, Any]):
    event = make_event((b"add", b"today"), verb="calendar", remote_addr="192.0.2.7", tls=False)
    page = read(admin_client, event=str(event.pk))
    assert "ann: calendar add today" in page
    assert "from 192.0.2.7, without TLS" in page
    assert 'value="192.0.2.7"' in page
    secret = make_event((redact(b"old", 1), redact(b"new", 1)), verb="passwd", tls=True)
    assert "Yes: it would run" in read(admin_client, event=str(secret.pk))
    for none in ("999999999", "x", "9" * 40):
        assert "explain-verdict" not in read(admin_client, event=none)


def test_audit_event_is_for_those_who_may_view_it(explained: dict[str, Any]):
    event = make_event((b"list",), verb="calendar")
    assert staff_client("view_rule", "view_verb").get(f"{PAGE}?event={event.pk}").status_code == 403


def test_user_page_says_what_a_user_may_run(admin_client: Client, explained: dict[str, Any]):
    page = read(admin_client, f"{PAGE}user/", user="ann")
    assert "What ann may run" in page
    assert f'href="{PAGE}?user=ann&verb=calendar"' in page
    assert "There is no user of this name" in read(admin_client, f"{PAGE}user/", user="nobody")


def test_verb_page_says_who_may_run_it(admin_client: Client, explained: dict[str, Any]):
    page = read(admin_client, f"{PAGE}verb/", verb="calendar")
    assert "group staff" in page
    assert "domain example.org" in page
    assert "Users whom a rule allows it: 2" in page
    assert "There is no verb of this name" in read(admin_client, f"{PAGE}verb/", verb="none")


def test_long_lists_are_paged(admin_client: Client, explained: dict[str, Any]):
    make_rule(everyone=True, verb=explained["calendar"])
    User.objects.bulk_create(User(username=f"user{number:03}") for number in range(100))
    for page in (f"{PAGE}verb/", f"{PAGE}table/"):
        first, last = read(admin_client, page, verb="calendar"), read(admin_client, page, verb="calendar", page="3")
        assert "1 of 3" in first
        assert "user099" not in first
        assert "user099" in last
        assert "verb=calendar" in first.split('aria-label="Pages"')[1]


def test_table_has_users_and_verbs_and_can_be_searched(admin_client: Client, explained: dict[str, Any]):
    page = read(admin_client, f"{PAGE}table/")
    assert 'class="explain-yes">yes</a>' in page
    assert 'class="explain-conditional">conditional</a>' in page
    found = read(admin_client, f"{PAGE}table/", q="bob")
    assert "?user=bob%40example.org" in found
    assert "?user=ann" not in found


def test_names_are_escaped(admin_client: Client, explained: dict[str, Any]):
    for page in PAGES:
        response = admin_client.get(
            page, {"user": "<b>\u202e", "verb": "<i>\x00", "q": "<b>\x00", "args": "</textarea>"}
        )
        assert response.status_code == 200
        assert b"<b>" not in response.content
        assert b"<i>" not in response.content
        assert response.content.count(b"</textarea>") <= 1


@pytest.mark.history
def test_pages_record_nothing_and_have_no_inline_script(admin_client: Client, explained: dict[str, Any]):
    before = AuditEvent.objects.count(), Execution.objects.count(), Rule.history.count()
    page = read(admin_client, user="ann", verb="calendar", args="list").split("<h2", 1)[1]
    assert (AuditEvent.objects.count(), Execution.objects.count(), Rule.history.count()) == before
    assert "<script>" not in page
    assert 'style="' not in page


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (b"",),
        (b"", b""),
        (b"a b", b" c "),
        (b"\\n", b"\\x41"),
        (b"two\nlines\r",),
        (b"\xff\xe2\x80\xae",),
        ("ä".encode(),),
    ],
)
def test_arguments_survive_the_form_whatever_bytes_they_are(arguments: tuple[bytes, ...]):
    text = from_arguments(arguments)
    assert to_arguments(text) == arguments
    assert to_arguments(text.replace("\n", "\r\n")) == arguments
