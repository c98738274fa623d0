"""What a service is told of the user: headers byte for byte, and as a real SMTP server reads them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.proxy_protocol import ProxyData
from aiosmtpd.smtp import SMTP

from commands.attempt import Attempt
from commands.execution.executable import ExecutableUnavailable
from commands.execution.preamble import proxy_v1, proxy_v2, xclient, xtext
from commands.execution.socket import Socket, start_socket

from .conftest import Accept


def attempt(**fields: Any) -> Attempt:
    return Attempt(**({"user_id": 7, "username": "ann", "verb": "smtp", "arguments": (), "door": "test"} | fields))


@pytest.mark.parametrize(
    ("address", "header"),
    [
        ("192.0.2.7", b"PROXY TCP4 192.0.2.7 0.0.0.0 0 0\r\n"),
        ("::ffff:192.0.2.7", b"PROXY TCP4 192.0.2.7 0.0.0.0 0 0\r\n"),
        ("2001:db8::7", b"PROXY TCP6 2001:db8::7 :: 0 0\r\n"),
        ("fe80::1%eth0", b"PROXY TCP6 fe80::1 :: 0 0\r\n"),
        (None, b"PROXY UNKNOWN\r\n"),
        ("nonsense\r\nPROXY", b"PROXY UNKNOWN\r\n"),
    ],
)
def test_proxy_v1_names_the_client(address, header):
    assert proxy_v1(attempt(remote_addr=address)) == header


def test_proxy_v2_names_client_and_user():
    signature = bytes.fromhex("0d0a0d0a000d0a515549540a")
    assert proxy_v2(attempt(remote_addr="192.0.2.7")) == (
        signature + b"\x21\x11\x00\x12" + b"\xc0\x00\x02\x07" + bytes(8) + b"\xe0\x00\x03ann"
    )
    assert proxy_v2(attempt(username="ünal")) == signature + b"\x21\x00\x00\x08" + b"\xe0\x00\x05\xc3\xbcnal"
    assert proxy_v2(attempt(remote_addr="::1"))[13:16] == b"\x21\x00\x2a"


@pytest.mark.parametrize(
    ("text", "encoded"),
    [("ann@example.org", b"ann@example.org"), ("a+b=c", b"a+2Bb+3Dc"), ("a b\r\nc", b"a+20b+0D+0Ac"), ("ü", b"+C3+BC")],
)
def test_xtext_lets_no_character_end_an_attribute(text, encoded):
    assert xtext(text) == encoded


@pytest.mark.parametrize(
    ("address", "shown"), [("192.0.2.7", "192.0.2.7"), ("::1", "IPV6:::1"), (None, "[UNAVAILABLE]")]
)
def test_xclient_names_client_and_user(address, shown):
    assert xclient(attempt(remote_addr=address)) == f"XCLIENT ADDR={shown} LOGIN=ann\r\n".encode()


class ProxiedSMTP(SMTP):
    def __init__(self, **options: Any) -> None:
        super().__init__(self, proxy_protocol_timeout=5, hostname="mx.example", **options)

    async def handle_PROXY(self, server: SMTP, session: Any, envelope: Any, proxy: ProxyData) -> bool:
        TOLD.append(proxy)
        return True


class XclientSMTP(SMTP):
    """aiosmtpd's server with the command, as Postfix has it."""

    OFFERED = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"

    def __init__(self, **options: Any) -> None:
        super().__init__(self, hostname="mx.example", **options)

    async def handle_EHLO(
        self, server: SMTP, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:1], f"250-{self.OFFERED}", *responses[1:]]

    async def smtp_XCLIENT(self, arguments: str) -> None:
        TOLD.append(arguments)
        await self.push("220-mx.example is yours\r\n220 ESMTP")


class NamesOnlySMTP(XclientSMTP):
    OFFERED = "XCLIENT NAME"


TOLD: list[Any] = []

Dial = Callable[..., "asyncio.Future[Socket]"]


@pytest_asyncio.fixture
async def dial(accept: Accept) -> AsyncIterator[Dial]:
    """Starts an SMTP server of this class, and a `socket` that is connected with it."""
    TOLD.clear()
    servers, sockets = [], []
    loop = asyncio.get_running_loop()

    async def dial(kind: type[SMTP], preamble: str, **about: Any) -> Socket:
        server = await loop.create_server(lambda: kind(loop=loop), "127.0.0.1", 0)
        servers.append(server)
        address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        sockets.append(await start_socket(accept("none", kind="socket", address=address, preamble=preamble, **about)))
        return sockets[-1]

    async with asyncio.timeout(15):
        yield dial
    for socket in sockets:
        socket.close()
        await socket.wait()
    for server in servers:
        server.close()
        await server.wait_closed()
    await asyncio.sleep(0.05)  # the server's own tasks see the end


async def read_reply(socket: Socket) -> list[bytes]:
    lines = [await socket.stdout.readline()]
    while lines[-1][3:4] == b"-":
        lines.append(await socket.stdout.readline())
    return lines


@pytest.mark.parametrize("version", ["proxy-v1", "proxy-v2"])
@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
async def test_smtp_server_takes_our_proxy_header(dial: Dial, version: str, address: str):
    socket = await dial(ProxiedSMTP, version, username="ünal", remote_addr=address)
    (greeting,) = await read_reply(socket)
    assert greeting.startswith(b"220 mx.example")
    (proxy,) = TOLD
    assert proxy.valid and str(proxy.src_addr) == address
    if version == "proxy-v2":
        assert proxy.rest == b"\xe0\x00\x05\xc3\xbcnal"
    await socket.stdin.write(b"QUIT\r\n")
    assert (await read_reply(socket))[0].startswith(b"221")
    assert (await socket.wait()).code == 0


async def test_smtp_server_is_told_by_xclient_and_its_new_greeting_is_the_first_output(dial: Dial):
    socket = await dial(XclientSMTP, "xclient", username="ann smith", remote_addr="::1")
    assert await read_reply(socket) == [b"220-mx.example is yours\r\n", b"220 ESMTP\r\n"]
    assert TOLD == ["ADDR=IPV6:::1 LOGIN=ann+20smith"]
    await socket.stdin.write(b"EHLO client.example\r\n")
    assert (await read_reply(socket))[0] == b"250-mx.example\r\n"


@pytest.mark.parametrize("kind", [NamesOnlySMTP, SMTP])
async def test_service_that_does_not_offer_xclient_gets_no_user(accept: Accept, kind: type[SMTP]):
    loop = asyncio.get_running_loop()
    make = (lambda: kind(loop=loop)) if kind is NamesOnlySMTP else (lambda: SMTP(object(), loop=loop))
    TOLD.clear()
    server = await loop.create_server(make, "127.0.0.1", 0)
    address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(ExecutableUnavailable, match="does not offer XCLIENT"):
        await start_socket(accept("none", kind="socket", address=address, preamble="xclient"))
    assert not TOLD
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        (b"554 go away\r\n", "answers b'554 go away"),
        (b"* OK IMAP4rev1\r\n", "answers b'. OK"),
        (b"", "closed the connection"),
        (b"220 no end", "closed the connection"),
        (b"220-more\r\n" * 200, "without end"),
        (b"x" * 100_000, "a line of more than"),
    ],
)
async def test_service_that_speaks_no_smtp_is_unavailable(accept: Accept, greeting: bytes, error: str):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(ExecutableUnavailable, match=error):
        await start_socket(accept("none", kind="socket", address=address, preamble="xclient"))
    server.close()
    await server.wait_closed()
