"""Killed at any moment, the server has run nothing that is not on record, and the record stays whole."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import verbs
from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.process import eventually
from tests.support.server import Server

KILLS = 4
CLIENTS = 4


@pytest.fixture
def server(tmp_path: Path, run_postgres: Postgres | None) -> Iterator[Server]:
    server = Server(tmp_path, run_postgres, EXECUTIONS_PER_USER="16")
    server.prepare()
    (tmp_path / "ran").mkdir()
    argv = verbs.program("canary-of-execution", str(tmp_path / "ran"))
    verbs.add(server, verbs.TestVerb("leaves-canary", argv))
    yield server
    server.stop()
    server.close()


def execute_until_it_is_gone(server: Server) -> None:
    # An AssertionError is what a conversation fails with that the server does not go on with.
    with suppress(OSError, EOFError, AssertionError), Client(server.imap) as client:
        client.log_in()
        while True:
            client.command("x EXECUTE leaves-canary")


def kill_at_work(server: Server, ran: Path, seconds: float) -> None:
    before = set(ran.iterdir())
    server.start("--engine", "none", "--no-web")
    clients = [threading.Thread(target=execute_until_it_is_gone, args=(server,)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    assert eventually(lambda: set(ran.iterdir()) - before)
    time.sleep(seconds)  # to be at some point of its work, whichever
    os.kill(server.pid, signal.SIGKILL)
    assert server.stop() == -signal.SIGKILL
    for client in clients:
        client.join()


def test_killed_at_any_moment_it_has_run_nothing_that_is_not_on_record(server: Server, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    moments = random.Random(seed)
    for _ in range(KILLS):
        kill_at_work(server, tmp_path / "ran", moments.uniform(0, 0.5))
    ran = {path.name for path in (tmp_path / "ran").iterdir()}
    accepted = {str(row[0]).replace("-", "") for row in server.query(executions_with("accept"))}
    assert ran
    assert {name.replace("-", "") for name in ran} <= accepted
    server.start("--engine", "none", "--no-web")
    assert eventually(lambda: not server.query("SELECT 1 FROM commands_execution WHERE outcome = ''"))
    assert server.stop() == 0
    ended = {str(row[0]).replace("-", "") for row in server.query(executions_with("exit"))}
    assert ended == accepted
    assert "lost" in server.exits("leaves-canary")
    assert server.manage("verifyaudit").endswith("all is well\n")


def executions_with(kind: str) -> str:
    return f"SELECT execution_id FROM commands_auditevent WHERE kind = '{kind}'"
