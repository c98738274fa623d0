"""Who is connected, by the database: no longer than they are, however the connection or its server comes to its end."""

import signal
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.imapserver.test_tagged_form import begin
from tests.support import verbs
from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.process import eventually
from tests.support.server import Server
from tests.support.verbs import TestVerb, program

END_AFTER_KILL = """
import os, signal
from commands.live.ending import Actor, end_connection
from commands.models import Connection
os.kill({pid}, signal.SIGKILL)
end_connection(Connection.objects.get(), "too late", Actor(None, "admin", None, tls=False))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[Server]:
    site = Server(tmp_path_factory.mktemp("connected"), run_postgres, DRAIN_SECONDS="1")
    site.prepare()
    verbs.add(site, TestVerb("echo", program("says-pid"), mode="interactive"))
    yield site
    site.stop()
    site.close()


def connected(site: Server) -> list[str]:
    return [name for (name,) in site.query("SELECT username FROM commands_connection")]


def test_row_goes_with_its_client_and_at_the_end_of_the_server(site: Server) -> None:
    with (
        site.running("--engine", "none", "--no-web"),
        Client(site.imap) as polite,
        Client(site.imap) as rude,
        Client(site.imap) as last,
    ):
        assert connected(site) == []  # nobody has logged in
        for client in (polite, rude, last):
            client.log_in()
        assert connected(site) == ["demo"] * 3
        polite.command("1 LOGOUT")
        rude.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()  # with a reset
        assert eventually(lambda: connected(site) == ["demo"])
        assert site.stop() == 0
        assert connected(site) == []


def test_what_a_killed_server_has_left_is_swept_by_the_next_one(site: Server) -> None:
    site.start("--engine", "none", "--no-web")
    with Client(site.imap) as client:
        begin(client.log_in())
        site.python(END_AFTER_KILL.format(pid=site.pid))
        assert site.stop() == -signal.SIGKILL
    assert connected(site) == ["demo"]
    with site.running("--engine", "none", "--no-web"):
        assert eventually(lambda: not connected(site))
        assert eventually(lambda: not site.query("SELECT target FROM commands_endrequest"))
        assert site.query("SELECT outcome FROM commands_execution") == [("lost",)]
    assert "Traceback" not in site.logged()
