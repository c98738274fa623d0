"""How long a session on the pages lasts, and who ends it sooner."""

import time
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client

from commands import roles
from commands.models import AuditEvent
from commands.web import sessions
from commands.web.whose import user_of

pytestmark = pytest.mark.django_db(transaction=True)

IDLE, LONG = 1800, 8 * 3600


@pytest.fixture
def ann(settings: Any) -> User:
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return User.objects.create_user("ann", password="ann", is_staff=True, is_superuser=True)


@pytest.fixture
def display(ann: User) -> User:
    roles.make()
    ann.is_superuser = False
    ann.save()
    ann.groups.add(Group.objects.get(name="Displays"))
    return ann


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def aged(client: Client, *, since: float = 0, seen: float = 0) -> Client:
    """As if the login, or the last request, was so many seconds ago."""
    session = client.session
    session[sessions.SINCE] -= since
    session[sessions.SEEN] -= seen
    session.save()
    return client


def may_enter(client: Client) -> bool:
    """By a request and by a WebSocket, which must agree."""
    key = client.session.session_key
    by_socket = user_of(key) is not None
    by_request = client.get("/admin/password_change/").status_code == 200
    assert by_socket == by_request
    return by_request


def test_session_in_use_goes_on(ann: User) -> None:
    assert may_enter(aged(logged_in(ann), since=LONG - 60, seen=IDLE - 60))


def test_session_ends_if_nothing_is_asked_for_half_an_hour(ann: User) -> None:
    assert not may_enter(aged(logged_in(ann), seen=IDLE))


def test_session_ends_after_a_working_day_however_busy(ann: User) -> None:
    assert not may_enter(aged(logged_in(ann), since=LONG))


def test_session_of_before_there_were_limits_is_over(ann: User) -> None:
    client = logged_in(ann)
    session = client.session
    del session[sessions.SINCE]
    session.save()
    assert not may_enter(client)


def test_request_counts_as_use_and_a_websocket_does_not(ann: User) -> None:
    client = aged(logged_in(ann), seen=IDLE - 60)
    assert user_of(client.session.session_key) == ann
    assert time.time() - client.session[sessions.SEEN] >= IDLE - 60
    client.get("/admin/password_change/")
    assert time.time() - client.session[sessions.SEEN] < 60


def test_session_in_use_is_written_once_a_minute_at_most(ann: User) -> None:
    client = aged(logged_in(ann), seen=59)
    before = client.session[sessions.SEEN]
    client.get("/admin/password_change/")
    assert client.session[sessions.SEEN] == before


def test_who_comes_too_late_is_told_why_and_led_back(ann: User) -> None:
    client = aged(logged_in(ann), seen=IDLE)
    response = client.get("/admin/commands/verb/?q=list", follow=True)
    assert response.redirect_chain == [("/admin/login/?next=/admin/commands/verb/%3Fq%3Dlist", 302)]
    assert "nothing was opened for 30 minutes. Log in to go on." in response.content.decode()
    assert not Session.objects.exists()


def test_form_that_is_sent_too_late_changes_nothing_and_leads_back_to_it(ann: User) -> None:
    client = aged(logged_in(ann), since=LONG, seen=IDLE - 60)
    form = "http://testserver/admin/auth/group/add/?_popup=1"
    response = client.post("/admin/auth/group/add/", {"name": "new"}, follow=True, headers={"Referer": form})
    assert response.redirect_chain == [("/admin/login/?next=/admin/auth/group/add/%3F_popup%3D1", 302)]
    assert "What you sent has changed nothing." in response.content.decode()
    assert not Group.objects.exists()


def test_login_never_leads_back_to_another_site(ann: User) -> None:
    client = aged(logged_in(ann), since=LONG)
    response = client.post("/admin/auth/group/add/", headers={"Referer": "https://other.example/admin/"})
    assert response["Location"] == "/admin/login/?next=/admin/"


def test_request_of_a_script_that_comes_too_late_is_refused(ann: User) -> None:
    client = aged(logged_in(ann), seen=IDLE)
    response = client.get("/admin/search/?s=verb", headers={"Sec-Fetch-Mode": "cors"})
    assert (response.status_code, response["HX-Refresh"]) == (403, "true")


def test_display_stays_logged_in(display: User) -> None:
    client = logged_in(display)
    assert client.session.get_expiry_age() > 29 * 86_400
    assert may_enter(aged(client, since=20 * 86_400, seen=20 * 86_400))
    assert not may_enter(aged(client, since=11 * 86_400))


@pytest.mark.parametrize("more", ["Operators", "Auditors", "Rule editors", "Verb editors", "superuser"])
def test_display_with_any_right_but_to_look_has_the_limits_of_all(display: User, more: str) -> None:
    client = aged(logged_in(display), seen=IDLE)
    display.is_superuser = more == "superuser"
    display.save()
    display.groups.add(*Group.objects.filter(name=more))
    assert not may_enter(client)


def test_session_ends_when_the_password_changes(ann: User) -> None:
    client = logged_in(ann)
    ann.set_password("another")
    ann.save()
    assert not may_enter(client)


def test_session_ends_when_the_user_is_no_longer_active(ann: User) -> None:
    client = logged_in(ann)
    User.objects.update(is_active=False)
    assert not may_enter(client)


def test_all_sessions_of_one_user_can_be_ended_and_that_is_recorded(ann: User) -> None:
    joe = User.objects.create_user("joe", is_staff=True)
    phone, desk, other = logged_in(ann), logged_in(ann), logged_in(joe)
    output = StringIO()
    call_command("endsessions", "ann", stdout=output)
    assert output.getvalue() == "ann: 2 sessions ended.\n"
    assert [may_enter(each) for each in (phone, desk, other)] == [False, False, True]
    assert AuditEvent.objects.filter(kind="change", reason="web sessions of ann ended").count() == 1
