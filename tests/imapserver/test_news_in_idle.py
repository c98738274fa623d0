"""The engine is asked for news in the middle of the client's IDLE, step by step: what either side is told."""

import threading
from collections.abc import Callable, Iterator

import pytest

from tests.support.conversation import Client
from tests.support.engine import Peer, ScriptedEngine
from tests.support.server import Server

Script = Callable[[Peer], None]


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    return []


@pytest.fixture(scope="module")
def scripted(scripts: list[Script]) -> Iterator[ScriptedEngine]:
    def idle(peer: Peer) -> None:
        """Log in and begin IDLE, and then as the test has it."""
        if not scripts:
            return
        peer.log_in()
        assert peer.hear() == b"i IDLE"
        peer.say(b"+ idling\r\n")
        scripts.pop()(peer)

    with ScriptedEngine(idle) as scripted:
        yield scripted


@pytest.fixture(scope="module")
def front(site: Server, scripted: ScriptedEngine) -> Iterator[Server]:
    with site.running("--engine", scripted.url, ENGINE_TLS="off") as front:
        yield front


@pytest.fixture
def play(front: Server, scripts: list[Script]) -> Iterator[Callable[[Script], Client]]:
    """A client in IDLE whose execution 100 has had its last line."""
    clients: list[Client] = []

    def play(script: Script) -> Client:
        scripts.append(script)
        clients.append(client := Client(front.imap).log_in())
        client.command("100 EXECUTE once")
        client.line("i IDLE")
        client.until(r"\+ ")
        client.line("100 x")
        assert client.read_line() == b"100 x"
        return client

    yield play
    for client in clients:
        client.close()


ENDED = "100 OK [EXIT 0] once completed"


def leave(peer: Peer, said: bytes = b"") -> None:
    assert peer.hear() == b"DONE"
    peer.say(said + b"i OK idle done\r\n")
    tag, name = peer.hear().split()
    assert name == b"NOOP" and tag.startswith(b"IMAPX")


def test_idle_is_left_and_entered_again_unseen(play: Callable[[Script], Client]) -> None:
    def script(peer: Peer) -> None:
        leave(peer, b"* 1 EXISTS\r\n")
        peer.say(b"* 1 EXPUNGE\r\n{tag} OK\r\n")
        assert peer.hear() == b"i IDLE"
        peer.say(b"+ idling again\r\n* 2 EXISTS\r\n")
        assert peer.hear() == b"DONE"
        peer.say(b"i OK done\r\n")
        peer.hear_all()

    client = play(script)
    assert client.until("100 ")[:2] == ["* 1 EXISTS", "* 1 EXPUNGE"]
    client.line("DONE")
    rest = client.until("i ")
    assert [line for line in rest if not line.startswith(("* 2", "100"))] == ["i OK done"]


def test_done_of_the_clients_waits_until_idle_is_entered_again(play: Callable[[Script], Client]) -> None:
    """To an engine that has been sent DONE already it would be a command, and a bad one."""

    def script(peer: Peer) -> None:
        assert peer.hear() == b"DONE"
        assert ready.wait(10)
        client.line("DONE\r\nn NOOP")
        peer.say(b"i OK idle done\r\n")
        peer.hear()
        peer.say(b"{tag} OK\r\n")
        assert peer.hear() == b"i IDLE"
        peer.say(b"+ idling again\r\n")
        assert peer.hear() == b"DONE"
        peer.say(b"i OK done\r\n")
        assert peer.hear() == b"n NOOP"
        peer.say(b"n OK noop done\r\n")
        peer.hear_all()

    ready = threading.Event()
    client = play(script)
    ready.set()
    lines = client.until("n ")
    assert [line for line in lines if not line.startswith("100 ")] == ["i OK done", "n OK noop done"]


@pytest.mark.parametrize("answer", [b"i BAD what\r\n", b"i NO not now\r\n"])
def test_idle_that_ends_with_a_refusal_has_ended(play: Callable[[Script], Client], answer: bytes) -> None:
    def script(peer: Peer) -> None:
        assert peer.hear() == b"DONE"
        peer.say(answer)
        assert peer.hear() == b"n NOOP"
        peer.say(b"n OK\r\n")
        peer.hear_all()

    client = play(script)
    lines = client.until("i ")
    client.line("n NOOP")
    while len(lines) < 3:  # the end of the execution comes when it is recorded
        lines += client.until("")
    assert set(lines) == {answer.decode().strip(), ENDED, "n OK"}


@pytest.mark.parametrize("answer", [b"i BAD what\r\n", b"i NO not now\r\n"])
def test_idle_that_cannot_be_entered_again_has_ended(play: Callable[[Script], Client], answer: bytes) -> None:
    def script(peer: Peer) -> None:
        leave(peer)
        peer.say(b"{tag} OK\r\n")
        assert peer.hear() == b"i IDLE"
        peer.say(answer)
        assert peer.hear() == b"n NOOP"
        peer.say(b"n OK\r\n")
        peer.hear_all()

    client = play(script)
    lines = client.until("i ")
    client.line("n NOOP")
    while len(lines) < 3:  # the end of the execution comes when it is recorded
        lines += client.until("")
    assert set(lines) == {answer.decode().strip(), ENDED, "n OK"}


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_engine_that_closes_meanwhile_is_gone(play: Callable[[Script], Client], steps: int) -> None:
    def script(peer: Peer) -> None:
        if steps == 0:
            peer.hear()
        else:
            leave(peer)
        if steps > 1:
            peer.say(b"{tag} OK\r\n")
            peer.hear()

    lines = play(script).read_to_end().decode().splitlines()
    assert lines == [ENDED, "* BYE [UNAVAILABLE] the mail engine is gone"]


def test_two_executions_at_once_leave_idle_in_turn(play: Callable[[Script], Client]) -> None:
    def script(peer: Peer) -> None:
        while (line := peer.hear()) != b"n NOOP":
            said = {b"DONE": b"i OK done\r\n", b"i IDLE": b"+ idling\r\n"}.get(line, line.split(b" ")[0] + b" OK\r\n")
            peer.say(said)
        peer.say(b"n OK\r\n")
        peer.hear_all()

    client = play(script)
    client.until("100 OK")
    client.line("DONE")
    client.until("i OK")
    for tag in ("200", "300"):
        client.command(f"{tag} EXECUTE once")
    client.line("i IDLE")
    client.until(r"\+ ")
    client.line("200 x\r\n300 x")
    ends = [*client.until("(200|300) OK"), *client.until("(200|300) OK")]
    assert {line for line in ends if "OK" in line} == {ENDED.replace("100", tag) for tag in ("200", "300")}
    client.line("DONE\r\nn NOOP")
    assert client.until("n ") == ["i OK done", "n OK"]
