"""Without a mail engine EXECUTE is served, and what has to do with mail says why it is not."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.support import verbs
from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.server import Server


@pytest.fixture(scope="module")
def none(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[Server]:
    server = Server(data := tmp_path_factory.mktemp("none"), run_postgres, LOGIN_SECONDS="3", EXECUTIONS="2")
    server.prepare()
    verbs.add(server, *verbs.all_verbs(data / "canary"))
    server.start("--engine", "none")
    yield server
    assert server.stop() == 0
    server.close()


def test_execute_is_served_and_mail_is_not(none: Server) -> None:
    with Client(none.imap).log_in() as client:
        client.play("""
            C: 1 CAPABILITY
            S: * CAPABILITY IMAP4rev1 … EXECUTE
            S: 1 OK …
            C: 2 EXECUTE prints hello
            S: * EXECUTE (TAG "2") (STDOUT {5}
            S: hello)
            S: 2 OK [EXIT 0] prints completed
            C: 3 ADD blacklist joe@smith.com
            S: 3 OK [EXIT 0] blacklist completed
            C: 4 EXECUTE echo
            S: 4 OK [EXECUTING] echo
            S: 4 …
            C: 5 SELECT INBOX
            S: 5 NO [UNAVAILABLE] …
            C: 4 hello
            S: 4 hello
            C: 6 NOOP
            S: 6 OK …
            C: 7 IDLE
            S: 7 NO [UNAVAILABLE] …
            C: 8 EXECUTE changes
            S: 8 OK [EXIT 0] changes completed
            C: 9 LOGIN ann ann
            S: 9 BAD …
            C: 10 LOGOUT
            S: 4 NO [CANCELED] echo was canceled
            S: * BYE …
            S: 10 OK LOGOUT completed
        """)
        assert client.closed()


def test_literal_of_a_mail_command_is_no_command(none: Server) -> None:
    with Client(none.imap).log_in() as client:
        client.line("a APPEND INBOX {21+}\r\nb EXECUTE canary xx\r\n")
        assert client.until("a ") == ["a NO [UNAVAILABLE] no mail is kept here"]
    assert none.exits("canary") == []


def test_executions_over_the_limit_of_all_users_are_refused(none: Server) -> None:
    with Client(none.imap).log_in() as demo, Client(none.imap).log_in("ann") as ann:
        for tag in ("a", "b"):
            demo.command(f"{tag} EXECUTE echo")
            demo.until(f"{tag} ")
        assert ann.command("c EXECUTE true") == ["c NO [LIMIT] too many executions are running"]
        demo.line('d CANCEL "a"')
        demo.until("a NO")
        assert ann.command("c EXECUTE true") == ["c OK [EXIT 0] true completed"]


def test_login_that_takes_too_long_is_closed(none: Server) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(none.imap)) for _ in range(4)]
        begun = ("", "a LOGIN {4}\r\nde", "a LOGIN {4+}\r\nde", "a AUTHENTICATE PLAIN\r\nAG")
        for client, drip in zip(clients, begun, strict=True):
            client.until(r"\* OK")
            client.send(drip.encode())
        for client in clients:
            assert client.until(r"\* BYE")[-1] == "* BYE login takes too long"
            assert client.closed()
