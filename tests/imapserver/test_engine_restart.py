"""An operator's Dovecot is away, is killed in the middle of a message, comes back; each user's part of it by itself."""

import os
import re
import signal
from collections.abc import Iterator

import pytest

from tests.imapserver.test_tagged_form import begin
from tests.support.conversation import Client
from tests.support.dovecot import ReferenceDovecot, Seed
from tests.support.process import alive, eventually
from tests.support.server import Server

OCTETS = 20_000_000


@pytest.fixture(scope="module")
def dovecot() -> Iterator[ReferenceDovecot]:
    dovecot = ReferenceDovecot()
    dovecot.seed("demo", [Seed(b"Subject: large\n\n" + (b"x" * 79 + b"\n") * (OCTETS // 80))])
    yield dovecot
    dovecot.stop()


@pytest.fixture(scope="module")
def front(site: Server, dovecot: ReferenceDovecot) -> Iterator[Server]:
    url = f"imap://127.0.0.1:{dovecot.imap[1]}"
    with site.running("--engine", url, ENGINE_CA=str(dovecot.certificate)) as front:
        yield front


def test_login_waits_for_nobody_and_works_once_the_engine_is_there(front: Server, dovecot: ReferenceDovecot) -> None:
    assert f"The engine imap://127.0.0.1:{dovecot.imap[1]} can't be reached now" in front.logged()
    with Client(front.imap) as client:
        client.until(r"\* OK")
        for number in range(5):  # it is no failed login, of which three would end the connection
            refused = f"{number} NO [UNAVAILABLE] mail can't be reached now, please try later"
            assert client.command(f"{number} LOGIN demo demo") == [refused]
        query = "SELECT outcome, actor FROM commands_auditevent WHERE kind = 'login' ORDER BY id DESC LIMIT 1"
        assert front.query(query) == [("unavailable", "demo")]
        dovecot.start()
        assert client.command("a LOGIN demo demo")[-1].startswith("a OK")


def process_of(dovecot: ReferenceDovecot, user: str) -> int:
    """The process in which Dovecot serves the last one who logged in as this user."""
    return int(re.findall(rf"Login: user=<{user}>.* mpid=(\d+)", dovecot.log())[-1])


def test_death_of_one_users_process_is_felt_by_nobody_else(front: Server, dovecot: ReferenceDovecot) -> None:
    with Client(front.imap).log_in() as demo, Client(front.imap).log_in("ann") as ann:
        pid = begin(demo)
        demo.command("s SELECT INBOX")
        ann.command("s SELECT INBOX")
        os.kill(process_of(dovecot, "demo"), signal.SIGKILL)
        assert demo.until(r"\* BYE")[-1] == "* BYE [UNAVAILABLE] the mail engine is gone"
        assert demo.closed()
        assert not alive(pid)
        assert ann.command("n NOOP")[-1].startswith("n OK")
        assert ann.command("100 EXECUTE true") == ["100 OK [EXIT 0] true completed"]
    with Client(front.imap).log_in() as demo:
        assert demo.command("s SELECT INBOX")[-1].startswith("s OK")


def test_half_a_message_never_looks_whole(front: Server, dovecot: ReferenceDovecot) -> None:
    ended = front.exits("echo")
    with Client(front.imap).log_in() as demo:
        demo.command("s SELECT INBOX")
        pid = begin(demo)
        demo.line("f FETCH 1 BODY.PEEK[]")
        announced = re.fullmatch(rb"\* 1 FETCH \(BODY\[\] \{(\d+)\}", demo.read_line())
        assert announced
        head = demo.read_octets(100_000)
        assert head.startswith(b"Subject: large\r\n")
        dovecot.halt(signal.SIGKILL)
        rest = demo.read_to_end()
        assert set(rest) == set(b"x\r\n")
        assert len(head) + len(rest) < int(announced[1])
    assert eventually(lambda: front.exits("echo") == [*ended, "engine-lost"], 5)
    assert not alive(pid)


def test_engine_that_comes_back_is_used_again(front: Server, dovecot: ReferenceDovecot) -> None:
    with Client(front.imap) as demo:
        demo.until(r"\* OK")
        assert demo.command("a LOGIN demo demo")[-1].startswith("a NO [UNAVAILABLE]")
        dovecot.start()
        assert demo.command("b LOGIN demo demo")[-1].startswith("b OK")
        demo.command("s SELECT INBOX")
        demo.line("f FETCH 1 RFC822.SIZE")
        assert demo.until("f ")[-1].startswith("f OK")
