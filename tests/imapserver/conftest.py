"""The whole server, with the private Dovecot, shared by all tests that leave it as it was."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import database, peers, verbs
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
    verbs.add(server, *verbs.all_verbs(data / "canary"))
    server.start("--engine", "dovecot")
    yield server
    assert server.stop() == 0
    server.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[Server]:
    """A server that is prepared and not started: `running` starts it, as each module needs it."""
    site = Server(data := tmp_path_factory.mktemp("site"), run_postgres, DRAIN_SECONDS="1")
    site.prepare()
    verbs.add(site, *verbs.all_verbs(data / "canary"))
    yield site
    site.close()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A raw connection that is not logged in."""
    with Client(server.imap) as client:
        yield client


@pytest.fixture
def demo(client: Client) -> Client:
    """A raw connection on which `demo` is logged in."""
    return client.log_in()


@pytest.fixture(params=["imap", "imaps"])
def either(request: pytest.FixtureRequest, server: Server) -> Iterator[Client]:
    """As `demo`, and once more over TLS, which has buffers of its own."""
    tls = ssl.create_default_context(cafile=str(server.data / "tls" / "certificate.pem"))
    with Client(server.imaps, tls=tls) if request.param == "imaps" else Client(server.imap) as client:
        yield client.log_in()


@pytest.fixture(scope="session")
def bystander(server: Server) -> Iterator[Client]:
    """A connection of somebody else's, that must be served whatever happens on the others."""
    with Client(server.imap) as bystander:
        yield bystander.log_in("ann")


@pytest.fixture
def canary(server: Server, bystander: Client) -> Iterator[Path]:
    """What the verb `canary` makes. After the test it must not be there, and the server must serve others."""
    path = server.data / "canary"
    path.unlink(missing_ok=True)
    exits = server.exits("canary")
    yield path
    # By now all that the test has sent is worked on, and a program that was started has had time.
    assert bystander.command("n NOOP")[-1].startswith("n OK")
    assert bystander.command("x EXECUTE true") == ["x OK [EXIT 0] true completed"]
    assert not path.exists()
    assert server.exits("canary") == exits
