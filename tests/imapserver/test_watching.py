"""Watching, on pages of one server process, what it or another one runs; whatever becomes of the way there."""

import base64
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection

import pytest

from tests.commands.web.sockets.test_server import TEXT, RawWebSocket, log_in
from tests.imapserver.test_tagged_form import begin
from tests.support import verbs
from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.process import eventually
from tests.support.redis import Redis
from tests.support.server import Server
from tests.support.verbs import TestVerb, program

VERBS = [
    TestVerb("echo", program("says-pid"), mode="interactive", output_limit=2**30, input_limit=2**30),
    TestVerb("veiled", program("says-pid"), mode="interactive"),
    TestVerb("floods", program("flood"), mode="interactive", output_limit=2**30),
]

REDACT = r"""
from commands.models import Verb
Verb.objects.filter(name="veiled").update(redactions=["[0-9]{6,}"])
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[Server]:
    site = Server(tmp_path_factory.mktemp("watching"), run_postgres, DRAIN_SECONDS="1", SECOND_FACTOR="off")
    site.prepare()
    verbs.add(site, *VERBS)
    site.python(REDACT)
    yield site
    site.close()


@contextmanager
def serving(site: Server, redis: Redis | None) -> Iterator[Server]:
    """A server process on the site's database."""
    server = Server(site.data)
    server.environment = dict(site.environment)
    if redis is not None:
        server.environment["IMAPX_REDIS_URL"] = redis.url
    server.start("--engine", "none")
    try:
        yield server
    finally:
        assert server.stop() == 0
        assert "Traceback" not in server.logged(), server.logged()
        server.close()


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    redis = Redis()
    yield redis
    redis.stop()


@pytest.fixture(scope="module")
def alone(site: Server) -> Iterator[Server]:
    with serving(site, None) as server:
        yield server


@pytest.fixture(scope="module")
def both(site: Server, redis: Redis) -> Iterator[tuple[Server, Server]]:
    """Two processes with a Redis in common."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(serving(site, redis)) for _ in range(2))
        yield first, second


class Watch:
    """The socket of the watch page, on this server, of the only execution that runs; it is shown when this is made."""

    def __init__(self, server: Server, cookie: str) -> None:
        self.web = server.web or ""
        ((key,),) = server.query("SELECT id FROM commands_execution WHERE outcome = ''")
        self._cookie = cookie
        page = self.page(f"/admin/commands/execution/{uuid.UUID(str(key))}/watch/")
        token = re.search(r'data-token="([^"]+)"', page)
        socket = re.search(r'data-socket="([^"]+)"', page)
        assert token is not None and socket is not None, page
        self._socket = RawWebSocket(self.web, socket[1], cookie)
        assert self._socket.status == 101
        self._socket.send(json.dumps({"token": token[1]}).encode())
        assert self._next() == {"type": "watching", "anew": True}

    def page(self, address: str) -> str:
        http = HTTPConnection(self.web.removeprefix("http://"), timeout=20)
        http.request("GET", address, headers={"Cookie": self._cookie})
        answer = http.getresponse()
        page = answer.read().decode()
        http.close()
        assert answer.status == 200, page
        return page

    def _next(self) -> dict[str, object]:
        frame = self._socket.receive()
        assert frame is not None and frame[0] == TEXT, frame
        message: dict[str, object] = json.loads(frame[1])
        return message

    def until(self, last: str) -> tuple[dict[str, bytes], int]:
        """What came by each stream, and how much was skipped, up to an output that has `last` in it."""
        data, skipped = {"i": b"", "o": b"", "e": b""}, 0
        while last.encode() not in data["o"]:
            message = self._next()
            if message["type"] == "piece":
                piece = base64.b64decode(str(message["data"]))
                data[str(message["stream"])] += piece
                skipped += int(str(message["skipped"]))
                self._socket.send(json.dumps({"shown": len(piece)}).encode())
        return data, skipped

    def end(self) -> dict[str, object]:
        while (message := self._next())["type"] != "ended":
            pass
        return message

    def close(self) -> None:
        self._socket.close()


@contextmanager
def watching(server: Server, cookie: str) -> Iterator[Watch]:
    watch = Watch(server, cookie)
    try:
        yield watch
    finally:
        watch.close()


@contextmanager
def dialogue(server: Server, verb: str = "echo") -> Iterator[Client]:
    with Client(server.imap) as client:
        client.log_in()
        begin(client, verb)
        yield client
    assert eventually(lambda: not server.query("SELECT id FROM commands_execution WHERE outcome = ''"))


def echo(client: Client, text: str) -> None:
    """Have it said by the program: the execution goes on."""
    client.line(f"100 {text}")
    assert client.read_line().decode() == f"100 {text}"


def test_both_directions_and_the_end_are_seen_in_the_same_process_without_redis(alone: Server) -> None:
    with dialogue(alone) as client, watching(alone, log_in(alone.web or "")) as watch:
        echo(client, "nice to be seen")
        data, skipped = watch.until("seen\n")
        assert (data, skipped) == ({"i": b"nice to be seen\n", "o": b"nice to be seen\n", "e": b""}, 0)
        client.command('1 CANCEL "100"')
        end = watch.end()
        assert (end["outcome"], end["skipped"]) == ("canceled", 0)
    ((actor, reason),) = alone.query("SELECT actor, reason FROM commands_auditevent WHERE kind = 'view'")
    assert (actor, reason) == ("admin", "execution: watch")


@pytest.mark.parametrize("here", [0, 1])
def test_what_another_process_runs_is_seen_through_redis(both: tuple[Server, Server], here: int) -> None:
    page = both[1 - here]
    with dialogue(both[here]) as client, watching(page, log_in(page.web or "")) as watch:
        echo(client, "from afar")
        assert watch.until("afar\n")[0]["i"] == b"from afar\n"
        page.manage("end", "demo", "--reason", "seen enough")
        assert watch.end()["outcome"] == "ended"


def test_what_is_redacted_never_reaches_who_watches(both: tuple[Server, Server]) -> None:
    with dialogue(both[0], "veiled") as client, watching(both[1], log_in(both[1].web or "")) as watch:
        echo(client, "a first line, of which the beginning may be left out")
        echo(client, "the code is 0815471147110")
        echo(client, "that is all")
        data, _ = watch.until("that is all\n")
    assert b"4711" not in data["i"] + data["o"]
    assert b"the code is [redacted]\n" in data["o"]
    assert b"the code is [redacted]\n" in data["i"]


def test_flood_goes_on_with_a_page_that_does_not_keep_up(both: tuple[Server, Server]) -> None:
    with Client(both[0].imap) as client:
        client.log_in()
        client.line("100 EXECUTE floods")
        client.until("100 OK")
        with watching(both[1], log_in(both[1].web or "")):
            assert len(client.read_octets(32 * 2**20)) == 32 * 2**20  # and nobody reads the page
        assert client.read_octets(2**20)
    assert eventually(lambda: not both[0].query("SELECT id FROM commands_execution WHERE outcome = ''"))


def test_redis_that_hangs_or_dies_is_in_no_executions_way(site: Server) -> None:
    redis = Redis()
    try:
        with (
            serving(site, redis) as server,
            dialogue(server) as client,
            watching(server, log_in(server.web or "")) as watch,
        ):
            echo(client, "before")
            watch.until("before\n")
            redis.pause()
            for number in range(100):
                echo(client, f"while it hangs {number}")
            redis.go_on()
            redis.stop()
            for number in range(100):
                echo(client, f"while it is dead {number}")
            assert eventually(lambda: "channel layer does not take what is watched" in server.logged())
            echo(client, "after")
    finally:
        redis.stop()
