"""Who may come in: places before login, places of one user, and what happens when descriptors run out."""

import contextlib
import resource
import socket
import ssl
import struct
from collections.abc import Iterator

import pytest

from imapserver.admission import Slots
from tests.support import verbs
from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.process import descriptors, eventually
from tests.support.server import Server

SLOTS, PER_USER = 3, 2


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[Server]:
    """A server with few places."""
    settings = {
        "PREAUTH_SLOTS": f"{SLOTS}:100:{SLOTS}",
        "CONNECTIONS_PER_USER_ADDRESS": str(PER_USER),
        "LOGIN_SECONDS": "3",
        "FAILED_LOGIN_SECONDS": "2",
        "FAILED_LOGIN_MAX_SECONDS": "2",
    }
    server = Server(data := tmp_path_factory.mktemp("small"), run_postgres, **settings)
    server.prepare()
    verbs.add(server, *verbs.all_verbs(data / "canary"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        server.start("--engine", "none")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    yield server
    assert server.stop() == 0
    server.close()


@pytest.fixture
def guests(small: Server) -> Iterator[contextlib.ExitStack]:
    """Closes the clients that a test leaves. Afterwards there are as many places as before, and all are free."""
    with contextlib.ExitStack() as guests:
        yield guests
    with contextlib.ExitStack() as crowd:
        clients = fill(small, crowd)
        assert not greeted(crowd.enter_context(Client(small.imap)))
        for client in clients:
            client.command("x LOGOUT")
            assert client.closed()


def fill(server: Server, guests: contextlib.ExitStack) -> list[Client]:
    """Take all places before login, as they come free."""
    clients: list[Client] = []

    def enter() -> bool:
        client = guests.enter_context(Client(server.imap))
        if greeted(client):
            clients.append(client)
        return len(clients) == SLOTS

    assert eventually(enter)
    return clients


def greeted(client: Client) -> bool:
    try:
        return client.read_line().startswith(b"* OK")
    except EOFError:
        return False


def hang_up_hard(client: Client) -> None:
    """Close so that the server gets a reset and no end of file."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize(
    ("taken", "chance"), [(0, 0), (9, 0), (10, 30), (11, 30), (55, 65), (99, 99), (100, 100), (101, 100)]
)
def test_chance_to_be_dropped_grows_from_start_by_rate_to_full(taken: int, chance: int) -> None:
    assert Slots(10, 30, 100).drop_chance(taken) == chance


def test_place_that_is_left_again_and_again_is_free_once() -> None:
    slots = Slots(2, 100, 2)
    first, second = slots.take(), slots.take()
    assert first is not None
    assert second is not None
    assert slots.take() is None
    first.leave()
    first.leave()
    assert slots.take() is not None
    assert slots.take() is None


def test_client_over_the_limit_before_login_is_told_and_closed(small: Server, guests: contextlib.ExitStack) -> None:
    fill(small, guests)
    with Client(small.imap) as over:
        assert over.read_line() == b"* BYE [UNAVAILABLE] too many clients are logging in"
        assert over.closed()
    with Client(small.imaps) as over:
        assert over.closed()


def test_handshake_that_stands_still_holds_a_place_but_not_for_long(
    small: Server, guests: contextlib.ExitStack
) -> None:
    still = [guests.enter_context(Client(small.imaps)) for _ in range(SLOTS)]
    still[0].send(b"\x16\x03\x01\x02\x00\x01")
    with Client(small.imap) as over:
        assert over.read_line().startswith(b"* BYE")
    assert all(client.closed() for client in still)


def test_login_frees_the_place_and_logged_in_clients_are_not_disturbed(
    small: Server, guests: contextlib.ExitStack
) -> None:
    inside = [guests.enter_context(Client(small.imap)).log_in(name) for name in ("demo", "ann")]
    fill(small, guests)
    with Client(small.imap) as over:
        assert not greeted(over)
    for client in inside:
        assert client.command("n NOOP") == ["n OK NOOP completed"]


def test_place_comes_back_however_a_client_ends(small: Server, guests: contextlib.ExitStack) -> None:
    # The fixture counts the places afterwards.
    tls = ssl.create_default_context(cafile=str(small.data / "tls" / "certificate.pem"))
    with Client(small.imap) as client:
        client.log_in().command("x LOGOUT")
        assert client.closed()
    with Client(small.imap) as client:
        client.send(b"\0\r\n" * 5)
        assert client.closed()
    with Client(small.imaps) as client:
        client.send(b"a NOOP\r\n")
        assert client.closed()
    with Client(small.imaps) as client, pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(client.socket, server_hostname="127.0.0.1")  # does not trust it
    with Client(small.imaps, tls=tls) as client:
        assert client.closed()  # at the login deadline
    hang_up_hard(Client(small.imap))
    hang_up_hard(Client(small.imaps))
    with Client(small.imap) as client:
        client.log_in()
        hang_up_hard(client)


def test_client_that_hangs_up_on_a_late_answer_has_its_place_until_then(
    small: Server, guests: contextlib.ExitStack
) -> None:
    failed = "SELECT count(*) FROM commands_auditevent WHERE kind = 'login' AND outcome = 'failed'"
    before = small.query(failed)[0][0]
    for client in fill(small, guests):
        client.line("a LOGIN demo wrong")
        hang_up_hard(client)
    assert eventually(lambda: small.query(failed)[0][0] == before + SLOTS)
    with Client(small.imap) as over:
        assert not greeted(over)


def test_user_gets_so_many_connections_from_one_address_and_no_more(
    small: Server, guests: contextlib.ExitStack
) -> None:
    first, _ = (guests.enter_context(Client(small.imap)).log_in() for _ in range(PER_USER))
    with Client(small.imap) as over:
        over.until(r"\* OK")
        assert over.command("a LOGIN demo demo") == ["a NO [LIMIT] too many connections of this user from this address"]
        guests.enter_context(Client(small.imap)).log_in("ann")
        guests.enter_context(Client(small.imap, source="127.0.0.2")).log_in()
        first.command("x LOGOUT")

    def is_let_in() -> bool:
        with Client(small.imap) as client:  # a new one each time: a login has its deadline
            client.until(r"\* OK")
            return client.command("b LOGIN demo demo")[-1].startswith("b OK")

    assert eventually(is_let_in)
    query = "SELECT actor, remote_addr FROM commands_auditevent WHERE kind = 'login' AND outcome = 'limit'"
    assert ("demo", "127.0.0.1") in [(actor, str(address)) for actor, address in small.query(query)]


def test_connection_that_is_cut_off_makes_room_for_the_user(small: Server, guests: contextlib.ExitStack) -> None:
    for _ in range(PER_USER * 2):
        client = guests.enter_context(Client(small.imap)).log_in()
        client.line("e EXECUTE echo")
        client.until("e OK")
        hang_up_hard(client)
        assert eventually(lambda: small.query("SELECT count(*) FROM commands_execution WHERE ended IS NULL") == [(0,)])
    for _ in range(PER_USER):
        guests.enter_context(Client(small.imap)).log_in()


def test_server_lets_itself_have_as_many_descriptors_as_it_may(small: Server) -> None:
    soft, hard = resource.prlimit(small.pid, resource.RLIMIT_NOFILE)
    assert soft == hard


def test_server_survives_without_a_descriptor_left(small: Server, guests: contextlib.ExitStack) -> None:
    inside = guests.enter_context(Client(small.imap)).log_in()
    assert inside.execute("x EXECUTE prints x")[0] == b"x"
    limits = resource.prlimit(small.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(small.pid, resource.RLIMIT_NOFILE, (descriptors(small.pid) + 1, limits[1]))
    try:
        with contextlib.ExitStack() as crowd:
            clients = [crowd.enter_context(Client(address)) for address in [small.imap, small.imaps] * 4]
            assert sum(client.closed() for client in clients) >= 6
            assert inside.command("n NOOP") == ["n OK NOOP completed"]
            assert inside.command("y EXECUTE prints y")[-1].startswith("y NO [")
    finally:
        resource.prlimit(small.pid, resource.RLIMIT_NOFILE, limits)
    assert inside.execute("z EXECUTE prints z")[0] == b"z"
