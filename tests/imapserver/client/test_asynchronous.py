"""The client on asyncio, against the whole server."""

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator

import pytest

from imapserver.client import (
    Client,
    Interactive,
    LoginFailed,
    Malformed,
    NotPermitted,
    OverLimit,
    connect,
)
from tests.support.process import resident
from tests.support.server import Server

MEBIBYTE = 1024 * 1024
PATIENCE = 30


@pytest.fixture(params=["imap", "imaps"])
async def client(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Client]:
    context = ssl.create_default_context(cafile=str(server.data / "tls" / "certificate.pem"))
    tls = request.param == "imaps"
    async with asyncio.timeout(PATIENCE), connect(*getattr(server, request.param), tls=tls and context) as client:
        await client.login("demo", "demo")
        yield client
        assert (await client.command("NOOP")).ok


async def test_one_shot_returns_output_and_exit(client: Client) -> None:
    assert (await client.execute("blacklist", "add", "joe@smith.com")).check().status == 0
    assert "joe@smith.com\n" in (await client.execute("blacklist", "list")).text
    assert (await client.execute("exits", "3")).status == 3
    assert (await client.execute("both")).errors == b"err\n"
    arguments = ["", "a b", 'say "no"\\', "ünï {3+}", "(PROMPT)"]
    dump = await client.execute("argdump", *arguments)
    assert json.loads(dump.output)["argv"][1:] == [each.encode().decode("latin-1") for each in arguments]


async def test_refusal_is_an_exception_of_its_kind(client: Client) -> None:
    with pytest.raises(NotPermitted):
        await client.execute("secret")
    with pytest.raises(NotPermitted):
        async with client.dialogue("secret"):
            pass
    with pytest.raises(Malformed, match="usage"):
        await client.execute("argdump", "x\r\nx9 LOGOUT")
    with pytest.raises(OverLimit):
        await client.execute("octets", str(MEBIBYTE + 1))
    with pytest.raises(Interactive):
        await client.execute("calendar")
    with pytest.raises(ValueError):
        await client.command("NOOP\r\nx9 LOGOUT")


async def test_message_is_input(client: Client) -> None:
    messages = [random.Random(size).randbytes(size) for size in (0, 10, 1025, 5 * MEBIBYTE)]
    results = await asyncio.gather(*(client.execute("same", input=message) for message in messages))
    assert [result.output for result in results] == messages
    with pytest.raises(OverLimit):
        await client.execute("same-small", input=b"x" * 5000)


async def test_dialogues_and_mail_go_on_at_once(client: Client) -> None:
    async def talk(number: int) -> bytes:
        octets = random.Random(number).randbytes(100_000)
        async with client.dialogue("echo") as echo:
            await echo.readline()
            for start in range(0, len(octets), 9_000):
                await echo.write(octets[start : start + 9_000])
            await echo.close_input()
            assert await echo.read() == octets
            return (await echo.wait()).check().output

    async def read_mail() -> bool:
        assert (await client.command("SELECT INBOX")).ok
        answers = [await client.command("UID SEARCH ALL") for _ in range(10)]
        return all(answer.untagged[-1].startswith(b"* SEARCH") for answer in answers)

    *talks, mail = await asyncio.gather(*map(talk, range(12)), read_mail())
    assert talks == [b""] * 12
    assert mail


async def test_lines_of_a_dialogue(client: Client) -> None:
    async with client.dialogue("calendar") as calendar:
        await calendar.write(b"list schedule today 8:00 8:30\n")
        assert await calendar.readline() == b"8:00 make coffee\n"
        assert await calendar.read(1) == b"o"
        await calendar.write(b"quit\n")
        assert [line async for line in calendar] == [b"k\n"]
        assert (await calendar.wait()).ok
        with pytest.raises(BrokenPipeError):
            await calendar.write(b"more\n")


async def test_program_that_reads_no_more_breaks_the_pipe(client: Client) -> None:
    async with client.dialogue("deaf-input") as deaf:
        assert await deaf.readline() == b"closed\n"
        with pytest.raises(BrokenPipeError):
            await deaf.write(b"x")
        await deaf.cancel()
        assert (await deaf.wait()).end.code == "CANCELED"


async def test_leaving_the_block_cancels(client: Client, server: Server) -> None:
    async with client.dialogue("echo"):
        pass
    assert server.exits("echo")[-1] == "canceled"


async def test_cancelled_task_cancels_its_execution(client: Client, server: Server) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.execute("stops")
    assert server.exits("stops")[-1] == "canceled"
    assert (await client.command("NOOP")).ok


async def test_half_a_literal_ends_the_connection(server: Server, stuck: str) -> None:
    """What followed it would be taken for the other half."""
    async with asyncio.timeout(PATIENCE), connect(*server.imap) as client:
        await client.login("demo", "demo")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await client.execute(stuck, input=b"x" * 30 * MEBIBYTE)
        with pytest.raises(ConnectionAbortedError):
            await client.command("NOOP")


async def test_dialogue_that_nobody_reads_costs_no_memory(server: Server) -> None:
    async with asyncio.timeout(PATIENCE), connect(*server.imap, unread=MEBIBYTE) as client:
        await client.login("demo", "demo")
        before = resident(server.pid)
        async with client.dialogue("flood-lines") as flood:
            while flood._received.waiting <= MEBIBYTE:
                await client._more(flood._received)
            await stands_still(client)
            assert len(flood._received.output) < 2 * MEBIBYTE
            assert resident(server.pid) - before < 32 * MEBIBYTE
            for _ in range(100):
                assert len(await flood.read(MEBIBYTE)) > 0
        assert (await client.execute("exits", "0")).ok


async def stands_still(client: Client) -> None:
    """As long as the flood is not read, nothing else is answered."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await client.command("NOOP")


async def test_one_task_writes_while_another_reads(client: Client) -> None:
    octets = random.Random(3).randbytes(20 * MEBIBYTE)
    async with client.dialogue("echo") as echo:
        await echo.readline()

        async def write() -> None:
            await echo.write(octets)
            await echo.close_input()

        async def read() -> bytes:
            return b"".join([piece async for piece in pieces(echo.read)])

        _, read_octets = await asyncio.gather(write(), read())
        assert read_octets == octets


async def pieces(read) -> AsyncIterator[bytes]:
    while piece := await read(100_000):
        yield piece


async def test_mail_command_gets_its_untagged_responses_and_literals(client: Client) -> None:
    assert (await client.execute("deliver", "by the kit")).ok
    assert (await client.command("SELECT INBOX")).ok
    message = b"Subject: appended\r\n\r\n* x1 OK\r\n"
    assert (await client.command("APPEND INBOX", message)).ok
    found = await client.command("SEARCH SUBJECT appended")
    number = found.untagged[-1].split()[-1].decode()
    fetched = await client.command(f"FETCH {number} BODY.PEEK[]")
    assert fetched.untagged[0].endswith(b"{%d}\r\n%b)\r\n" % (len(message), message))
    assert (await client.command("NO-SUCH-COMMAND")).status.condition == "BAD"


async def test_verbs_and_what_they_take(client: Client) -> None:
    assert {"blacklist", "calendar"} <= {verb.name for verb in await client.verbs()}
    assert (await client.describe("blacklist"))["title"] == "blacklist"


async def test_wrong_password(server: Server) -> None:
    async with connect(*server.imap) as client:
        with pytest.raises(LoginFailed, match="AUTHENTICATIONFAILED"):
            await client.login("demo", 'wr"ong\\ ü')


async def test_lost_connection_ends_all_that_waits(site: Server) -> None:
    with site.running("--engine", "none"):
        async with connect(*site.imap) as client:
            await client.login("demo", "demo")

            async def hold() -> None:
                async with client.dialogue("echo") as echo:
                    await echo.readline()
                    opened.release()
                    await echo.readline()

            opened = asyncio.Semaphore(0)
            holding = [asyncio.gather(hold()), asyncio.gather(hold())]
            await opened.acquire()
            await opened.acquire()
            client._writer.transport.abort()
            for each in holding:
                with pytest.raises(ConnectionError):
                    await each
            with pytest.raises(ConnectionError):
                await client.execute("exits", "0")
