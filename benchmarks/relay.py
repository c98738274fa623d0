"""Mail commands through the server, against the very same Dovecot directly, and through other relays."""

from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.client import Client
from benchmarks.measure import Case, Side
from benchmarks.nginx import start_nginx
from benchmarks.peers import free_port, running
from benchmarks.trial import PASSWORD, USERNAME, Direct, Trial, Unavailable
from tests.support import peers

MAILBOX = b"Benchmark"
MESSAGE_SIZE = 4096
AT_ONCE = 500
"""Messages in one APPEND: Dovecot gives each transaction an fsync."""


def noop(trial: Trial, left_out: Callable[[str], object]) -> list[Case]:
    # Nothing selected: then it is cheapest for Dovecot, and a relay shows most.
    sides = [Side(name, commanding(client, b"NOOP")) for name, client in clients(trial, left_out).items()]
    return [Case("NOOP", sides, batch=20)]


def fetch(trial: Trial, left_out: Callable[[str], object]) -> list[Case]:
    fill(trial.direct_client(), trial.messages)
    logged_in = clients(trial, left_out)
    for client in logged_in.values():
        client.command(b"SELECT " + MAILBOX)
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
    by_way = {"Dovecot directly": trial.direct_client(), "through IMAPX": trial.client()}
    try:
        pump = start_pump(trial.stack, trial.direct)
        by_way["through socat, which reads no IMAP"] = trial.opened(Client(pump, USERNAME, trial.direct.password))
    except Unavailable as reason:
        left_out(str(reason))
    try:
        nginx = start_nginx(trial.stack, trial.directory, trial.direct)
        by_way["through nginx"] = trial.opened(Client(nginx, USERNAME, PASSWORD))
    except Unavailable as reason:
        left_out(str(reason))
    return by_way


def start_pump(stack: ExitStack, engine: Direct) -> tuple[str, int]:
    """Start what only carries bytes, as the least that a hop costs. It serves one connection."""
    socat = peers.find("socat")
    if socat is None:
        raise Unavailable(peers.missing("socat", "socat"))
    address = ("127.0.0.1", free_port())
    listen = f"TCP-LISTEN:{address[1]},bind={address[0]},nodelay"
    stack.enter_context(running(socat, "-b65536", listen, f"TCP:127.0.0.1:{engine.address[1]},nodelay"))
    return address


def commanding(client: Client, command: bytes) -> Callable[[], int]:
    return lambda: client.command(command)


def fill(client: Client, count: int) -> None:
    """Make the mailbox, and see its messages first, so that none is \\Recent for any of the sides."""
    client.command(b"CREATE " + MAILBOX)
    for first in range(0, count, AT_ONCE):
        messages = (message(number) for number in range(first, min(first + AT_ONCE, count)))
        literals = b" ".join(b"{%d+}\r\n%b" % (len(each), each) for each in messages)
        client.command(b"APPEND %b %b" % (MAILBOX, literals))
    client.command(b"SELECT " + MAILBOX)
    client.command(b"UNSELECT")


def message(number: int) -> bytes:
    head = (
        b"From: Ann Jones <ann@example.com>\r\nTo: demo@example.com\r\nSubject: message %d of the benchmark\r\n"
        b"Date: Thu, 01 Jan 2026 08:00:00 +0000\r\nMessage-ID: <%d.benchmark@example.com>\r\n\r\n" % (number, number)
    )
    line = b"All mail here is about as long as the mail that people write.\r\n"
    return head + line * ((MESSAGE_SIZE - len(head)) // len(line))
