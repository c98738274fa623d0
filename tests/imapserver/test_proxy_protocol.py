"""The PROXY protocol: a load balancer that is trusted names the client, and nobody else does."""

import socket
import ssl
import struct
from collections.abc import Iterator

import pytest

from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.server import Server

BALANCER, OTHER = "127.0.0.2", "127.0.0.3"
CLIENT = "192.0.2.7"
LINE = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 993\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def binary(command: int, family: int, rest: bytes = b"") -> bytes:
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(rest)) + rest


def ipv4(text: str) -> bytes:
    return binary(0x21, 0x11, socket.inet_aton(text) + bytes(4) + struct.pack("!HH", 40000, 993))


def ipv6(text: str) -> bytes:
    return binary(0x21, 0x21, socket.inet_pton(socket.AF_INET6, text) + bytes(16) + struct.pack("!HH", 40000, 993))


OVER_TLS = binary(0x21, 0x11, socket.inet_aton(CLIENT) + bytes(8) + b"\x20\0\5\1\0\0\0\0")


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[Server]:
    """A server on all addresses of both IP versions, behind a load balancer at 127.0.0.2 and ::1."""
    server = Server(tmp_path_factory.mktemp("balanced"), run_postgres, PROXY_FROM=f"{BALANCER}, ::1/128")
    server.prepare()
    server.start("--engine", "none", "--imap", "[::]:0", "--imaps", "[::]:0")
    server.imap, server.imaps = (("127.0.0.1", port) for _, port in (server.imap, server.imaps))
    yield server
    assert server.stop() == 0
    server.close()


@pytest.fixture
def tls(balanced: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(balanced.data / "tls" / "certificate.pem"))


def recorded(server: Server) -> tuple[str, bool]:
    """Where the last login came from, and whether it was encrypted."""
    query = "SELECT remote_addr, tls FROM commands_auditevent WHERE kind = 'login' ORDER BY id DESC LIMIT 1"
    ((address, tls),) = server.query(query)
    return str(address), bool(tls)


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (LINE, CLIENT),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 993\r\n", "2001:db8::7"),
        (ipv4(CLIENT), CLIENT),
        (ipv6("2001:db8::7"), "2001:db8::7"),
        (ipv6("::ffff:192.0.2.7"), CLIENT),
        (b"PROXY UNKNOWN\r\n", BALANCER),
        (binary(0x20, 0x00), BALANCER),
    ],
    ids=["line", "line ipv6", "binary", "binary ipv6", "binary mapped", "unknown", "local"],
)
def test_header_before_the_tls_handshake_names_the_client(
    balanced: Server, tls: ssl.SSLContext, header: bytes, address: str
) -> None:
    with Client(balanced.imaps, tls=tls, source=BALANCER, header=header) as client:
        client.log_in()
        assert recorded(balanced) == (address, True)


def test_balancer_may_come_by_ipv6(balanced: Server, tls: ssl.SSLContext) -> None:
    with Client(("::1", balanced.imaps[1]), tls=tls, header=LINE) as client:
        client.log_in()
        assert recorded(balanced) == (CLIENT, True)


def test_client_that_comes_directly_sends_no_header(balanced: Server, tls: ssl.SSLContext) -> None:
    with Client(balanced.imaps, tls=tls, source=OTHER) as client:
        client.log_in()
        assert recorded(balanced) == (OTHER, True)


def test_password_in_plain_text_is_for_clients_that_are_local_and_not_for_a_local_balancer(balanced: Server) -> None:
    with Client(balanced.imap, source=BALANCER, header=ipv4("127.0.0.9")) as client:
        client.log_in()
        assert recorded(balanced) == ("127.0.0.9", False)
    with Client(balanced.imap, source=BALANCER, header=LINE) as client:
        assert "LOGINDISABLED" in client.until(r"\* OK")[0]
        assert client.command("a LOGIN demo demo") == ["a NO [PRIVACYREQUIRED] use STARTTLS first"]


def test_balancer_may_say_that_the_client_came_to_it_over_tls(balanced: Server) -> None:
    with Client(balanced.imap, source=BALANCER, header=OVER_TLS) as client:
        client.log_in()
        assert recorded(balanced) == (CLIENT, True)


@pytest.mark.parametrize("header", [LINE, ipv4(CLIENT)], ids=["line", "binary"])
def test_header_may_come_in_pieces_and_with_what_follows_it(balanced: Server, header: bytes) -> None:
    with Client(balanced.imap, source=BALANCER) as client:
        for index in range(len(header)):
            client.send(header[index : index + 1])
        assert client.until(r"\* OK")
    with Client(balanced.imap, source=BALANCER, header=header + b"a NOOP\r\nb NOOP\r\n") as client:
        assert client.until("b ")[1:] == ["a OK NOOP completed", "b OK NOOP completed"]


@pytest.mark.parametrize(
    "octets",
    [b"a LOGIN demo demo\r\n", b"\x16\x03\x01\x02\x00\x01", LINE[:-2] + b"\n", binary(0x21, 0x11, bytes(4096))],
    ids=["command", "handshake", "bare LF", "oversized"],
)
@pytest.mark.parametrize("listener", ["imap", "imaps"])
def test_balancer_that_sends_no_proper_header_is_closed_unheard(balanced: Server, listener: str, octets: bytes) -> None:
    client = Client(getattr(balanced, listener), source=BALANCER, header=octets)
    with client, pytest.raises(EOFError, match="b''"):
        client.read_line()


def test_balancer_that_stands_still_in_its_header_is_closed_in_time(balanced: Server) -> None:
    client = Client(balanced.imap, source=BALANCER, header=LINE[:20])
    with client, pytest.raises(EOFError, match="b''"):
        client.read_line()


@pytest.mark.parametrize("header", [LINE, ipv4(CLIENT)], ids=["line", "binary"])
def test_header_from_anybody_else_is_a_bad_command(balanced: Server, header: bytes) -> None:
    with Client(balanced.imap, source=OTHER, header=header) as client:
        client.until(r"\* OK")
        assert " BAD " in client.read_line().decode()


def test_header_from_anybody_else_is_no_tls_handshake(balanced: Server, tls: ssl.SSLContext) -> None:
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        Client(balanced.imaps, tls=tls, source=OTHER, header=LINE)
