"""Logins in front of an operator's Dovecot where Django decides, and a master user becomes each user there."""

from collections.abc import Iterator

import pytest

from tests.support.conversation import Client
from tests.support.dovecot import MASTER, ReferenceDovecot, Seed
from tests.support.server import Server

CANARY = "S3cretMaster4"
FAILED = "NO [AUTHENTICATIONFAILED] wrong user name or password"
UNAVAILABLE = "NO [UNAVAILABLE] mail can't be reached now, please try later"
MAKE = """
from django.contrib.auth.models import User
User.objects.create_user('guest', password='of Django')
User.objects.create_user('m\\u00fcller', password='of Django')
User.objects.create_user('homeless', password='of Django')
"""


@pytest.fixture(scope="module")
def dovecot() -> Iterator[ReferenceDovecot]:
    dovecot = ReferenceDovecot(["demo", "ann", "guest"])
    dovecot.seed("guest", [Seed(b"Subject: for the guest\n\n")])
    (dovecot.directory / "masters").write_text(f"{MASTER}:{{PLAIN}}{CANARY}\n")
    yield dovecot.start()
    dovecot.stop()


@pytest.fixture(scope="module")
def front(site: Server, dovecot: ReferenceDovecot) -> Iterator[Server]:
    site.python(MAKE)
    settings = {
        "ENGINE_CA": str(dovecot.certificate),
        "ENGINE_LOGIN": "master",
        "ENGINE_MASTER_USER": MASTER,
        "ENGINE_MASTER_PASSWORD": CANARY,
    }
    with site.running("--engine", f"imaps://127.0.0.1:{dovecot.imaps[1]}", **settings) as front:
        yield front


@pytest.fixture
def fresh(front: Server) -> Iterator[Client]:
    with Client(front.imap) as client:
        client.until(r"\* OK")
        yield client


def test_password_is_the_one_that_django_knows(fresh: Client) -> None:
    assert fresh.command("a LOGIN guest guest") == [f"a {FAILED}"]
    assert fresh.command('b LOGIN guest "of Django"')[-1].startswith("b OK")
    assert "* 1 EXISTS" in fresh.command("s SELECT INBOX")


@pytest.mark.parametrize("name", [f"guest*{MASTER}", MASTER, "Guest", "demo*guest"])
def test_master_user_is_for_the_server_alone(fresh: Client, name: str) -> None:
    for password in (CANARY, "of Django", "guest"):
        assert fresh.command(f'a LOGIN "{name}" "{password}"') == [f"a {FAILED}"]


def test_tokens_are_not_offered(fresh: Client) -> None:
    offered = fresh.command("c CAPABILITY")[0].split()
    assert {name for name in offered if name.startswith("AUTH=")} == {"AUTH=PLAIN", "AUTH=LOGIN"}
    assert fresh.command("a AUTHENTICATE XOAUTH2 dXNlcj1h")[-1].startswith("a NO [CANNOT]")


def test_user_without_a_mailbox_is_told_that_there_is_none(front: Server, fresh: Client) -> None:
    """The password was right: it is for the operator to see to."""
    assert fresh.command('a LOGIN homeless "of Django"') == [f"a {UNAVAILABLE}"]
    query = "SELECT outcome, actor, reason FROM commands_auditevent WHERE kind = 'login' ORDER BY id DESC LIMIT 1"
    ((outcome, actor, reason),) = front.query(query)
    assert (outcome, actor) == ("unavailable", "homeless")
    assert reason.startswith("the master user: ")
    assert "homeless" in front.logged()


def test_name_that_has_other_spellings_is_not_asked_for_there(front: Server, fresh: Client) -> None:
    fresh.send('a LOGIN {7+}\r\nmüller "of Django"\r\n'.encode())
    assert fresh.until("a ") == [f"a {FAILED}"]
    query = "SELECT reason FROM commands_auditevent WHERE kind = 'login' ORDER BY id DESC LIMIT 1"
    assert front.query(query) == [("no name for an engine's user: 'müller'",)]


def test_masters_password_is_kept_nowhere(front: Server) -> None:
    with Client(front.imap) as client:
        client.log_in("demo")
        assert CANARY.encode() not in client.execute("100 EXECUTE argdump")[0]
    assert CANARY not in front.logged()
    assert not any(CANARY.encode() in path.read_bytes() for path in front.data.rglob("*") if path.is_file())
