"""The whole server, with the private Dovecot, shared by all tests that leave it as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import database, peers
from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.server import Server


@pytest.fixture(scope="session")
def run_postgres(request: pytest.FixtureRequest) -> Postgres | None:
    """The PostgreSQL server of this run; None where it runs on SQLite."""
    return request.config.stash.get(database.server, None)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[Server]:
    peers.require("dovecot", "dovecot-imapd")
    # The mail store belongs to another user, who has to get there.
    data: Path = tmp_path_factory.mktemp("server")
    server = Server(data, run_postgres, EXECUTIONS_PER_USER="16")
    server.prepare()
    server.start("--engine", "dovecot")
    yield server
    assert server.stop() == 0


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A raw connection that is not logged in."""
    with Client(server.imap) as client:
        yield client


@pytest.fixture
def demo(client: Client) -> Client:
    """A raw connection on which `demo` is logged in."""
    return client.log_in()
