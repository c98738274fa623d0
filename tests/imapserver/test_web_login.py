"""Logins on the web in front of a Dovecot that decides about them: as by IMAP, and nobody who works on the admin."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django import conf
from django.test import override_settings

from imapserver.checks import check_web_engine
from tests.support.conversation import Client
from tests.support.dovecot import ReferenceDovecot, free_ports
from tests.support.process import eventually
from tests.support.server import ROOT, Server
from tests.support.webuser import WebUser


@pytest.fixture(scope="module")
def dovecot() -> Iterator[ReferenceDovecot]:
    dovecot = ReferenceDovecot(["arrival", "other", "leaver", "guessed", "apart", "late", "boss"])
    yield dovecot.start()
    dovecot.stop()


@pytest.fixture(scope="module")
def settings(dovecot: ReferenceDovecot) -> dict[str, str]:
    return {"ENGINE_CA": str(dovecot.certificate), "LOCKOUT_FAILURES": "4"}


@pytest.fixture(scope="module")
def front(site: Server, dovecot: ReferenceDovecot, settings: dict[str, str]) -> Iterator[Server]:
    with site.running("--engine", f"imap://127.0.0.1:{dovecot.imap[1]}", **settings) as front:
        yield front


@pytest.fixture
def visitor(front: Server) -> Iterator[WebUser]:
    """Whose failures before, in other tests, are forgotten."""
    front.python("from axes.models import AccessAttempt; AccessAttempt.objects.all().delete()")
    assert front.web is not None
    yield WebUser(front.web)


@contextmanager
def daphne(front: Server, settings: dict[str, str]) -> Iterator[str]:
    """The web alone, on the same database."""
    (port,) = free_ports(1)
    environment = front.environment | {f"IMAPX_{name}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "imapx_site.asgi:application"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert eventually(lambda: listens(port), 30)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def logins(front: Server, name: str) -> list[tuple[str, str]]:
    return [
        (str(outcome), str(door))
        for outcome, door in front.query(
            f"SELECT outcome, door FROM commands_auditevent WHERE kind = 'login' AND actor = '{name}' ORDER BY id"
        )
    ]


def test_user_whom_the_engine_alone_knows_logs_in_and_is_made_at_the_first_success(front: Server, visitor: WebUser):
    assert visitor.log_in("arrival", "wrong").status == 200
    assert not front.query("SELECT 1 FROM auth_user WHERE username = 'arrival'")
    assert visitor.log_in("arrival", "arrival").location == "/me/"
    page = visitor.get("/me/")
    assert (page.status, "arrival" in page.text) == (200, True)
    ((staff, password),) = front.query("SELECT is_staff, password FROM auth_user WHERE username = 'arrival'")
    assert (bool(staff), password[0]) == (False, "!")
    assert logins(front, "arrival") == [("failed", "web"), ("ok", "web")]


def test_name_in_another_case_is_the_same_user(front: Server, visitor: WebUser):
    assert visitor.log_in("OTHER", "other").location == "/me/"
    names = [name for (name,) in front.query("SELECT username FROM auth_user")]
    assert [name for name in names if name.lower() == "other"] == ["other"]


def test_connection_to_the_engine_is_closed_at_once(dovecot: ReferenceDovecot, visitor: WebUser):
    assert visitor.log_in("other", "other").location == "/me/"
    assert eventually(lambda: re.search(r"imap\(other\).*Disconnected", dovecot.log()))


def test_spellings_of_a_name_are_no_further_guesses(front: Server, visitor: WebUser):
    for name in ("guessed", "Guessed", "gUessed", "guesseD"):
        assert visitor.log_in(name, "wrong").status == 200
    assert visitor.log_in("GUESSED", "guessed").status != 302
    with Client(front.imap) as client:
        client.until(r"\* OK")
        assert client.command("1 LOGIN guessed guessed")[-1].startswith("1 NO"), "by IMAP it is locked out as well"


def test_administrator_is_let_in_by_no_password_of_the_engines(front: Server, visitor: WebUser):
    front.python("from django.contrib.auth.models import User; User.objects.create(username='boss', is_staff=True)")
    for page in ("/me/login/", "/admin/login/"):
        assert visitor.log_in("boss", "boss", page).status == 200
    assert ("ok", "web") not in logins(front, "boss")


def test_session_by_the_engine_ends_when_its_user_is_made_an_administrator_or_not_active(
    front: Server, visitor: WebUser
):
    assert visitor.log_in("leaver", "leaver").location == "/me/"
    for change in ("is_staff=True", "is_staff=False, is_active=False"):
        front.python(
            f"from django.contrib.auth.models import User; User.objects.filter(username='leaver').update({change})"
        )
        assert visitor.get("/me/").status == 302
    assert visitor.log_in("leaver", "leaver").status == 200


def test_web_that_is_served_apart_asks_the_engine_of_its_setting(
    front: Server, dovecot: ReferenceDovecot, settings: dict[str, str]
):
    url = f"imap://127.0.0.1:{dovecot.imap[1]}"
    with daphne(front, {**settings, "WEB_ENGINE": url}) as web:
        assert WebUser(web).log_in("apart", "apart").location == "/me/"
    with daphne(front, settings) as web:
        assert WebUser(web).log_in("apart", "apart").status == 200


def test_engine_that_is_away_is_told_and_counts_as_no_failure(
    front: Server, dovecot: ReferenceDovecot, visitor: WebUser
):
    dovecot.halt()
    try:
        for _ in range(5):
            assert "Your mail server can&#x27;t be reached now" in visitor.log_in("late", "late").text
    finally:
        dovecot.start()
    assert logins(front, "late")[-1] == ("unavailable", "web")
    assert visitor.log_in("late", "late").location == "/me/"


def test_guesses_at_a_password_of_djangos_count_while_the_engine_is_away(
    front: Server, dovecot: ReferenceDovecot, visitor: WebUser
):
    front.python("from django.contrib.auth.models import User; User.objects.create_user('both', password='both')")
    dovecot.halt()
    try:
        pages = [visitor.log_in("both", "wrong").text for _ in range(4)]
    finally:
        dovecot.start()
    assert logins(front, "both") == [("failed", "web")] * 4
    assert not any("be reached now" in page for page in pages)
    assert visitor.log_in("both", "both").status != 302, "locked out"


def test_setting_that_names_no_engine_is_told_before_anything_is_served():
    with override_settings(IMAPX=conf.settings.IMAPX | {"WEB_ENGINE": "dovecot"}):
        (error,) = check_web_engine()
    assert (error.id, error.msg.startswith("IMAPX_WEB_ENGINE: 'dovecot' is no engine")) == ("imapserver.E001", True)
