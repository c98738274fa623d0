"""Mail commands through the server, against the very same Dovecot directly, and through other relays."""

from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.client import Client
from benchmarks.mailbox import fill
from benchmarks.measure import Case, Side
from benchmarks.nginx import start_nginx
from benchmarks.peers import free_port, running
from benchmarks.trial import Trial, Unavailable
from tests.support import peers

PRIVATE = "IMAPX and its private Dovecot, Unix socket"


def noop(trial: Trial, left_out: Callable[[str], object]) -> list[Case]:
    # Nothing selected: then it is cheapest for Dovecot, and a relay shows most.
    sides = [Side(name, commanding(client, b"NOOP")) for name, client in clients(trial, left_out).items()]
    return [Case("NOOP", sides, batch=20)]


def fetch(trial: Trial, left_out: Callable[[str], object]) -> list[Case]:
    logged_in = clients(trial, left_out)
    fill(Client(trial.server.imap), trial.messages)
    for client in logged_in.values():
        client.command(b"SELECT INBOX")
    cases = []
    for items, batch in ((b"(FLAGS)", 3), (b"BODY.PEEK[]", 1)):
        command = b"UID FETCH 1:* " + items
        octets = {client.command(command) for client in logged_in.values()}
        if len(octets) != 1:
            raise ConnectionError(f"the sides don't give the same: {octets}")
        title = f"UID FETCH 1:* {items.decode()}, {trial.messages:,} messages, {octets.pop() / 1e6:.2f} MB"
        sides = [Side(name, commanding(client, command)) for name, client in logged_in.items()]
        cases.append(Case(title, sides, batch))
    return cases


def clients(trial: Trial, left_out: Callable[[str], object]) -> dict[str, Client]:
    """New ones, by the way they go; the direct one first."""
    engine = trial.dovecot.imap
    addresses = {"Dovecot directly": engine, "through IMAPX": trial.front.imap}
    for name, start in (
        ("through nginx", lambda: start_nginx(trial.stack, trial.directory, engine)),
        ("through socat, which reads no IMAP", lambda: start_pump(trial.stack, engine)),
    ):
        try:
            addresses[name] = start()
        except Unavailable as reason:
            left_out(str(reason))
    addresses[PRIVATE] = trial.server.imap
    return {name: trial.opened(Client(address)) for name, address in addresses.items()}


def start_pump(stack: ExitStack, engine: tuple[str, int]) -> tuple[str, int]:
    """Start what only carries bytes, as the least that a hop costs. It serves one connection."""
    socat = peers.find("socat")
    if socat is None:
        raise Unavailable(peers.missing("socat", "socat"))
    address = ("127.0.0.1", free_port())
    listen = f"TCP-LISTEN:{address[1]},bind={address[0]},nodelay"
    stack.enter_context(running(socat, "-b65536", listen, f"TCP:127.0.0.1:{engine[1]},nodelay"))
    return address


def commanding(client: Client, command: bytes) -> Callable[[], int]:
    return lambda: client.command(command)
