"""The login dialogue with an engine, against a server that says what the test has written down."""

import asyncio
import contextlib

import pytest

from imapserver.engine.connection import LINE_LIMIT, EngineConnection, EngineUnavailable

GREETING = b"* OK ready\r\n"
LOGGED_IN = b"A OK [CAPABILITY IMAP4rev1 Idle] Logged in\r\n"
PASSWORD = "correct horse"


class Receiver(asyncio.Protocol):
    def __init__(self):
        self.data = bytearray()
        self.lost = asyncio.Event()
        self.got = asyncio.Event()

    def data_received(self, data):
        self.data += data
        self.got.set()

    def connection_lost(self, exc):
        self.lost.set()


@contextlib.asynccontextmanager
async def connected_to(greeting, *answers, then_close=False):
    """A connection to an engine that greets, and answers each line with the next of `answers`."""
    lines = []
    done = asyncio.Event()

    async def serve(reader, writer):
        writer.write(greeting)
        for answer in answers:
            lines.append(await reader.readline())
            writer.write(answer)
        if not then_close:
            await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(EngineConnection, *server.sockets[0].getsockname())
        connection.lines = lines
        try:
            yield connection
        finally:
            connection.transport.abort()
            done.set()


async def test_login_is_authenticate_plain_with_initial_response():
    async with connected_to(GREETING, LOGGED_IN) as connection:
        await connection.login("ann", "pw")
        assert connection.lines == [b"A AUTHENTICATE PLAIN AGFubgBwdw==\r\n"]


async def test_capabilities_come_from_the_code_of_the_tagged_ok_in_upper_case():
    async with connected_to(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", LOGGED_IN) as connection:
        await connection.login("ann", PASSWORD)
        assert connection.capabilities == ("IMAP4REV1", "IDLE")


async def test_capabilities_come_from_an_untagged_response_before_the_tagged_ok():
    answer = b"* CAPABILITY IMAP4rev1 MOVE\r\nA OK done\r\n"
    async with connected_to(GREETING, answer) as connection:
        await connection.login("ann", PASSWORD)
        assert connection.capabilities == ("IMAP4REV1", "MOVE")


async def test_capabilities_are_asked_for_where_the_login_gave_none():
    answer = b"* CAPABILITY IMAP4rev1 UIDPLUS\r\nB OK done\r\n"
    async with connected_to(GREETING, b"A OK done\r\n", answer) as connection:
        await connection.login("ann", PASSWORD)
        assert connection.capabilities == ("IMAP4REV1", "UIDPLUS")
        assert connection.lines[1] == b"B CAPABILITY\r\n"


@pytest.mark.parametrize(
    ("greeting", "answers"),
    [
        pytest.param(b"* PREAUTH you are somebody\r\n", (), id="preauth"),
        pytest.param(b"* BYE too busy\r\n", (), id="bye"),
        pytest.param(b"* OKAY\r\n", (), id="no greeting"),
        pytest.param(GREETING, (b"A NO [AUTHENTICATIONFAILED] no\r\n",), id="no"),
        pytest.param(GREETING, (b"A BAD what\r\n",), id="bad"),
        pytest.param(GREETING, (b"+ \r\n",), id="initial response not taken"),
        pytest.param(GREETING, (b"* BYE shutting down\r\n",), id="bye instead of an answer"),
        pytest.param(GREETING, (b"A OK done\r\n", b"B BAD what\r\n"), id="no capabilities"),
        pytest.param(b"* OK " + LINE_LIMIT * b"x" + b"\r\n", (), id="line over limit"),
        pytest.param(b"* OK " + LINE_LIMIT * b"x", (), id="line over limit without an end"),
    ],
)
async def test_engine_that_does_not_log_in_is_unavailable_and_closed(greeting, answers):
    async with connected_to(greeting, *answers) as connection:
        with pytest.raises(EngineUnavailable) as caught:
            await connection.login("ann", PASSWORD)
        assert PASSWORD not in str(caught.value)
        assert connection.transport.is_closing()


@pytest.mark.parametrize("answers", [(), (b"",), (b"A OK [CAPAB",)])
async def test_engine_that_closes_is_unavailable(answers):
    async with connected_to(GREETING, *answers, then_close=True) as connection:
        with pytest.raises(EngineUnavailable):
            await connection.login("ann", PASSWORD)


async def test_cancelled_login_closes_the_connection():
    async with connected_to(b"") as connection:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await connection.login("ann", PASSWORD)
        assert connection.transport.is_closing()


async def test_receiver_gets_what_came_with_the_login_first_and_then_the_rest():
    async with connected_to(GREETING, LOGGED_IN + b"* OK [ALERT] full\r\n* 1 EX", b"ISTS\r\n") as connection:
        await connection.login("ann", PASSWORD)
        receiver = Receiver()
        connection.attach(receiver)
        assert receiver.data == b"* OK [ALERT] full\r\n* 1 EX"
        receiver.got.clear()
        connection.transport.write(b"C NOOP\r\n")
        await asyncio.wait_for(receiver.got.wait(), 5)
        assert receiver.data == b"* OK [ALERT] full\r\n* 1 EXISTS\r\n"


async def test_receiver_hears_of_an_end_that_came_before_it():
    async with connected_to(GREETING, LOGGED_IN) as connection:
        await connection.login("ann", PASSWORD)
        connection.transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        receiver = Receiver()
        connection.attach(receiver)
        await asyncio.wait_for(receiver.lost.wait(), 5)
