"""The mail engine fails: it dies in the middle of a response or between two, talks nonsense, falls silent."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.imapserver.test_tagged_form import begin
from tests.support.conversation import Client
from tests.support.engine import Peer, ScriptedEngine
from tests.support.process import alive, eventually
from tests.support.server import Server

UNAVAILABLE = "NO [UNAVAILABLE] mail can't be reached now, please try later"
GONE = "* BYE [UNAVAILABLE] the mail engine is gone"


class Engine:
    """What one test's users meet behind IMAPX: the script of the day."""

    def __init__(self) -> None:
        self.script: Callable[[Peer], None] = Peer.log_in

    def __call__(self, peer: Peer) -> None:
        self.script(peer)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="module")
def scripted(engine: Engine) -> Iterator[ScriptedEngine]:
    with ScriptedEngine(engine) as scripted:
        yield scripted


@pytest.fixture(scope="module")
def front(site: Server, scripted: ScriptedEngine) -> Iterator[Server]:
    with site.running("--engine", scripted.url, ENGINE_TLS="off", ENGINE_LOGIN_SECONDS="1") as front:
        yield front


@pytest.fixture
def play(front: Server, engine: Engine) -> Iterator[Callable[[Callable[[Peer], None]], Client]]:
    """Have the engine log the user in and then do what the script says; return the logged-in client."""
    clients: list[Client] = []

    def play(script: Callable[[Peer], None]) -> Client:
        engine.script = lambda peer: (peer.log_in(), script(peer))  # type: ignore[func-returns-value]
        clients.append(Client(front.imap))
        return clients[-1].log_in()

    yield play
    for client in clients:
        client.close()


# It dies


HALVES = [
    b"* 1 FETCH (BODY[] {1000}\r\nhalf of a message",
    b"* 1 FETCH (BODY[] {4}\r\nhalf",
    b"* 1 FETCH (FLAGS (\\See",
    b"* SEARCH 1 2",
    b"* 1 FETCH (BODY[] {1000}\r\n" + b"* BYE\r\n",
    b"* 2 EXISTS\r\n* 1 FETCH (BODY[] {1000}\r\n" + b"x" * 900,
]


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("idle", [True, False], ids=["quiet", "executing"])
def test_half_a_response_is_all_that_comes(play: Callable[..., Client], front: Server, half: bytes, idle: bool) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(half)

    before = front.exits("echo")
    client = play(script)
    pid = 0 if idle else begin(client)
    client.line("f FETCH 1 BODY[]")
    began = time.monotonic()
    assert client.read_to_end() == half
    assert time.monotonic() - began < 3  # at once: there is nothing more that could be said
    if not idle:
        assert eventually(lambda: front.exits("echo") == [*before, "engine-lost"], 5)
        assert not alive(pid)


def test_end_of_an_execution_does_not_come_into_half_a_response(play: Callable[..., Client], front: Server) -> None:
    """It waits for its place, and the engine dies before there is one."""

    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(b"* 1 FETCH (BODY[] {1000}\r\nhalf")
        assert eventually(lambda: front.exits("exits") != before)

    before = front.exits("exits")
    client = play(script)
    client.line("f FETCH 1 BODY[]")
    client.read_line()
    client.line("100 EXECUTE exits 0")
    assert client.read_to_end() == b"half"
    assert front.exits("exits") == [*before, "exit"]


@pytest.mark.parametrize("said", [b"", b"* 3 EXISTS\r\n", b"{tag} OK done\r\n", b"f O"])
def test_client_is_told_between_two_responses(play: Callable[..., Client], said: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(said)

    client = play(script)
    client.line("f NOOP")
    whole = said.replace(b"{tag}", b"f") if said.endswith(b"\n") else b""
    assert client.read_to_end() == whole + GONE.encode() + b"\r\n"


def test_byes_of_the_engine_are_its_own(play: Callable[..., Client]) -> None:
    said = b"* OK [ALERT] soon\r\n* BYE [UNAVAILABLE] shutting down\r\n"
    client = play(lambda peer: (peer.hear(), peer.say(said)))  # type: ignore[func-returns-value]
    client.line("n NOOP")
    assert client.read_to_end() == said


def test_client_that_idles_is_told(play: Callable[..., Client]) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(b"+ idling\r\n")

    client = play(script)
    client.line("i IDLE")
    assert client.read_to_end() == b"+ idling\r\n" + GONE.encode() + b"\r\n"


def test_running_executions_are_ended_and_recorded(play: Callable[..., Client], front: Server) -> None:
    before = {verb: front.exits(verb) for verb in ("echo", "deaf-dialogue")}
    client = play(lambda peer: peer.hear())
    pids = [begin(client), begin(client, "deaf-dialogue", "200")]
    client.line("n NOOP")
    assert sorted(client.until(r"\* BYE")) == [
        GONE,
        "100 NO [CANCELED] echo was canceled: the mail engine is gone",
        "200 NO [CANCELED] deaf-dialogue was canceled: the mail engine is gone",
    ]
    assert client.closed()
    assert not any(map(alive, pids))
    for verb, ended in before.items():
        assert front.exits(verb) == [*ended, "engine-lost"]
    query = "SELECT outcome FROM commands_execution WHERE verb = 'echo' ORDER BY started DESC LIMIT 1"
    assert front.query(query) == [("engine-lost",)]


@pytest.mark.parametrize("half", [b"", b"* 1 FETCH (BODY[] {1000}\r\nhalf"])
def test_execution_whose_client_does_not_read_is_ended_too(
    play: Callable[..., Client], front: Server, half: bytes
) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(half)

    before = front.exits("flood-lines")
    client = play(script)
    client.line("100 EXECUTE flood-lines")
    client.until("100 OK")
    client.line("f FETCH 1 BODY[]")
    assert eventually(lambda: front.exits("flood-lines") == [*before, "engine-lost"], 10)


def test_client_that_goes_first_is_no_loss_of_the_engine(play: Callable[..., Client], front: Server) -> None:
    before = front.exits("echo")
    client = play(Peer.hear_all)
    begin(client)
    client.close()
    assert eventually(lambda: front.exits("echo") == [*before, "client-gone"], 5)


@pytest.mark.parametrize("octets", [b"what?\r\n", b"* 1 EXISTS\r\n what?\r\n", b"x" * 70_000])
def test_engine_that_breaks_the_protocol_is_cut_off(play: Callable[..., Client], octets: bytes) -> None:
    client = play(lambda peer: (peer.hear(), peer.say(octets), peer.hear_all()))  # type: ignore[func-returns-value]
    client.line("n NOOP")
    said = client.read_to_end()
    assert said.removeprefix(b"* 1 EXISTS\r\n") == GONE.encode() + b"\r\n"


# It hangs


def owe_half(peer: Peer) -> None:
    peer.hear()
    peer.say(b"* 1 FETCH (BODY[] {9}\r\nhalf")
    peer.hear_all()


def search_slowly(peer: Peer) -> None:
    peer.hear()
    for _ in range(13):
        time.sleep(1)
        peer.say(b"* OK still here\r\n")
    peer.say(b"f OK found\r\n")
    assert peer.hear() == b"x LOGOUT"
    peer.say(b"* BYE\r\nx OK\r\n")


def test_silent_engine_holds_neither_logout_nor_capability_for_ever(play: Callable[..., Client]) -> None:
    """One that is slow and not silent is waited for: its last response is the client's, LOGOUT or not."""
    scripts = Peer.hear_all, Peer.hear_all, Peer.hear_all, owe_half, search_slowly
    idle, owing, capability, cut, slow = clients = [play(script) for script in scripts]
    for client in clients[1:]:
        client.line("f FETCH 1 BODY[]")
    assert cut.read_line()
    capability.line("c CAPABILITY")
    began = time.monotonic()
    for client in (idle, owing, cut, slow):
        client.line("x LOGOUT")
    assert idle.until("x ") == ["* BYE [UNAVAILABLE] the mail engine does not answer", "x OK LOGOUT completed"]
    assert owing.until("x ") == ["* BYE IMAPX is logging you out", "x OK LOGOUT completed"]
    assert idle.closed() and owing.closed()
    assert capability.until("c ")[-1] == "c OK CAPABILITY completed"
    assert cut.read_to_end() == b"half"
    assert 9 < time.monotonic() - began < 12.5
    assert slow.until("x ")[-3:] == ["f OK found", "* BYE", "x OK"]


def test_engine_that_hangs_at_the_login_is_unavailable_in_time(front: Server, engine: Engine) -> None:
    engine.script = Peer.hear_all
    with Client(front.imap) as client:
        client.until(r"\* OK")
        began = time.monotonic()
        assert client.command("a LOGIN demo demo") == [f"a {UNAVAILABLE}"]
        assert 0.9 < time.monotonic() - began < 5
        engine.script = Peer.log_in
        assert client.command("b LOGIN demo demo")[-1].startswith("b OK")
