"""Two Dovecots alike, and IMAPX in front of one of them. Each test has a user of its own on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.places import Both, Place
from tests.support import database, peers
from tests.support.dovecot import ReferenceDovecot
from tests.support.server import Server

GUESTS = [f"guest{number}" for number in range(100)]
RULE = "from commands.models import *; Rule.objects.create(everyone=True, verb=Verb.objects.get(name='blacklist'))"


@pytest.fixture(scope="package")
def direct() -> Iterator[ReferenceDovecot]:
    yield from reference()


@pytest.fixture(scope="package")
def behind() -> Iterator[ReferenceDovecot]:
    yield from reference()


def reference() -> Iterator[ReferenceDovecot]:
    peers.require("dovecot", "dovecot-imapd")
    dovecot = ReferenceDovecot(GUESTS)
    try:
        yield dovecot.start()
    finally:
        dovecot.stop()


@pytest.fixture(scope="package")
def imapx(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, behind: ReferenceDovecot
) -> Iterator[Server]:
    postgres = request.config.stash.get(database.server, None)
    server = Server(tmp_path_factory.mktemp("imapx"), postgres, ENGINE_CA=str(behind.certificate))
    server.prepare()
    server.python(RULE)
    server.start("--engine", f"imap://127.0.0.1:{behind.imap[1]}")
    yield server
    assert server.stop() == 0
    server.close()


@pytest.fixture(scope="package")
def guests() -> Iterator[str]:
    return iter(GUESTS)


@pytest.fixture(params=["imap", "imaps"])
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def both(
    transport: str,
    direct: ReferenceDovecot,
    behind: ReferenceDovecot,
    imapx: Server,
    guests: Iterator[str],
    tmp_path: Path,
) -> Both:
    tls = transport == "imaps"
    user = next(guests)

    def place(name: str, address: tuple[str, int], certificate: Path, reference: ReferenceDovecot) -> Place:
        home = tmp_path / name
        home.mkdir()
        return Place(name, *address, tls, certificate, user, user, reference, home)

    return Both(
        (
            place("direct", getattr(direct, transport), direct.certificate, direct),
            place("relayed", getattr(imapx, transport), imapx.data / "tls" / "certificate.pem", behind),
        )
    )


@pytest.fixture
def relayed(both: Both) -> Place:
    return both.places[1]
