"""Ending from one server process what another one runs: its client is told, and it is on record."""

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from tests.commands.web.sockets.test_server import log_in
from tests.imapserver.test_tagged_form import begin
from tests.support import verbs
from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.process import alive, eventually
from tests.support.server import ROOT, Server
from tests.support.verbs import TestVerb, program

CANCELED = "100 NO [CANCELED] echo was ended by an administrator"
BYE = "* BYE this connection was ended: "


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[tuple[Server, Server]]:
    """Two server processes on one database, and no channel layer in common."""
    data = tmp_path_factory.mktemp("ending")
    first, second = (Server(data, each, DRAIN_SECONDS="1", SECOND_FACTOR="off") for each in (run_postgres, None))
    second.environment = first.environment
    first.prepare()
    dialogues = ("echo", "says-pid"), ("deaf-dialogue", "ignores-term")
    verbs.add(first, *(TestVerb(name, program(argv), mode="interactive") for name, argv in dialogues))
    verbs.add(first, TestVerb("prints", program("prints", "{text0}"), texts=1, user="ann"))
    first.start("--engine", "none")
    second.start("--engine", "none")
    yield first, second
    assert (first.stop(), second.stop()) == (0, 0)
    assert "Traceback" not in first.logged() + second.logged()
    first.close()
    second.close()


@pytest.fixture(scope="module")
def cookies(both: tuple[Server, Server]) -> list[str]:
    return [log_in(server.web or "") for server in both]


@pytest.fixture
def clients(both: tuple[Server, Server]) -> Iterator[list[Client]]:
    """The user demo on each of both."""
    with ExitStack() as stack:
        yield [stack.enter_context(Client(server.imap)).log_in() for server in both]
    assert eventually(lambda: not rows(both[0], "connection")), "a row outlives its connection"


def rows(server: Server, table: str, where: str = "1 = 1") -> list[str]:
    return [str(uuid.UUID(str(key))) for (key,) in server.query(f"SELECT id FROM commands_{table} WHERE {where}")]


def last_events(server: Server, *kinds: str) -> list[tuple[str, ...]]:
    """The last of each kind: actor, outcome and reason."""
    found = []
    for kind in kinds:
        statement = "SELECT actor, outcome, reason FROM commands_auditevent WHERE kind = '{}' ORDER BY id DESC LIMIT 1"
        found += server.query(statement.format(kind))
    return found


def post_end(server: Server, cookie: str, **fields: str) -> str:
    """What the page of this server says when that is to be ended."""
    http = HTTPConnection((server.web or "").removeprefix("http://"), timeout=20)
    address = "/admin/commands/connection/end/"
    http.request("GET", f"{address}?{urlencode(fields)}", headers={"Cookie": cookie})
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', http.getresponse().read().decode())
    assert token is not None
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", "Cookie": cookie}
    headers["Origin"] = server.web or ""
    http.request("POST", address, urlencode(fields | {"csrfmiddlewaretoken": token[1]}), headers)
    answer = http.getresponse()
    said = answer.read().decode()
    http.close()
    assert answer.status == 200, said
    told: str = json.loads(said)["told"]
    return told


@pytest.mark.parametrize("here", [0, 1])
def test_execution_is_ended_from_a_page_of_another_process(
    both: tuple[Server, Server], cookies: list[str], clients: list[Client], here: int
) -> None:
    pid = begin(clients[here])
    (execution,) = rows(both[0], "execution", "outcome = ''")
    told = post_end(both[1 - here], cookies[1 - here], execution=execution, reason="runs since Monday")
    assert told.endswith("it is gone within a second.")
    assert clients[here].until("100 ")[-1] == CANCELED
    assert not alive(pid)
    assert clients[here].command("101 NOOP") == ["101 OK NOOP completed"]
    change, end = last_events(both[0], "change", "exit")
    assert change[:2] == ("admin", "ended")
    assert change[2].endswith("of demo ended: runs since Monday")
    assert end == ("demo", "ended", "by admin: runs since Monday")
    assert eventually(lambda: not both[0].query("SELECT target FROM commands_endrequest"))


@pytest.mark.parametrize("here", [0, 1])
def test_connection_is_ended_with_all_that_runs_on_it(
    both: tuple[Server, Server], cookies: list[str], clients: list[Client], here: int
) -> None:
    pid = begin(clients[here])
    ((key,),) = both[0].query(
        "SELECT id FROM commands_connection WHERE chain_id = (SELECT chain_id FROM commands_execution "
        "WHERE outcome = '' AND verb = 'echo') AND username = 'demo'"
    )
    post_end(both[1 - here], cookies[1 - here], connection=str(key), reason="ZÜRICH\u202e is closed")
    said = clients[here].until(r"\* BYE ")
    assert said[-2] == CANCELED
    assert said[-1].startswith(BYE)
    assert said[-1].isascii()
    assert clients[here].closed()
    assert not alive(pid)
    assert clients[1 - here].command("101 NOOP") == ["101 OK NOOP completed"]
    assert eventually(lambda: last_events(both[0], "login")[0][1] == "ended")
    login, end = last_events(both[0], "login", "exit")
    assert login[:2] == end[:2] == ("demo", "ended")
    assert login[2].startswith("by admin: Z")


def test_all_of_a_user_is_ended_from_a_terminal_and_nothing_of_others(
    both: tuple[Server, Server], clients: list[Client]
) -> None:
    pids = [begin(client) for client in clients]
    with Client(both[1].imap) as other:
        other.log_in("ann")
        said = both[0].manage("end", "demo", "--reason", "lost phone")
        assert said.startswith("Ending all of demo: 2 executions and 2 connections.\n")
        assert said.count("  ended (ended): demo: echo, started ") == 2
        assert "still" not in said
        for client in clients:
            assert client.until(r"\* BYE ")[-2:] == [CANCELED, f"{BYE}lost phone"]
            assert client.closed()
        assert not any(map(alive, pids))
        assert other.command("1 EXECUTE prints x")[-1].startswith("1 OK")
    (change,) = last_events(both[0], "change")
    assert change[0].endswith("(manage.py end)")
    assert change[2] == "all of user demo (2 executions and 2 connections) ended: lost phone"
    with Client(both[0].imap) as again:
        again.log_in()  # it is no lock


def test_program_that_ignores_term_is_killed(both: tuple[Server, Server], clients: list[Client]) -> None:
    pid = begin(clients[0], "deaf-dialogue")
    (execution,) = rows(both[0], "execution", "outcome = ''")
    said = both[1].manage("end", execution[:8], "--reason", "test")
    assert said.startswith(f"Ending execution {execution}.\n  ended (ended): demo: deaf-dialogue, started ")
    assert clients[0].until("100 ")[-1] == "100 NO [CANCELED] deaf-dialogue was ended by an administrator"
    assert not alive(pid)


def test_connection_that_does_nothing_is_ended(both: tuple[Server, Server], clients: list[Client]) -> None:
    clients[0].line("idle IDLE")
    both[1].manage("end", "demo", "--reason", "test")
    for client in clients:
        assert client.until(r"\* BYE ")[-1] == f"{BYE}test"
        assert client.closed()


def test_terminal_is_told_who_ended_it(both: tuple[Server, Server]) -> None:
    argv = [sys.executable, str(ROOT / "manage.py"), "execute", "demo", "echo"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, env=both[0].environment, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline()  # it runs
        both[0].manage("end", "demo", "--reason", "a fault")
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 77
    assert re.search(r"echo was ended by an administrator: by \S+ \(manage.py end\): a fault\.\n\Z", errors.decode())


@pytest.mark.parametrize(
    ("what", "reason", "expected"),
    [
        ("nobody", "test", "There is no user nobody; for an execution give at least 8 digits of its id."),
        ("0123456", "test", "There is no user 0123456; for an execution give at least 8 digits of its id."),
        ("00000000", "test", "no execution"),
        ("demo", " ", "Say why, with --reason: whoever reads the record sees it."),
    ],
)
def test_command_says_what_it_expects(both: tuple[Server, Server], what: str, reason: str, expected: str) -> None:
    with pytest.raises(RuntimeError, match=re.escape(expected)):
        both[0].manage("end", what, "--reason", reason)
