"""The kind `socket`: real connections over TCP, TLS and Unix sockets."""

import asyncio
import contextlib
import socket as sockets
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from commands.execution.executable import ExecutableUnavailable, Exit
from commands.execution.running import Execution
from commands.execution.socket import Socket, start_socket
from commands.outcome import Outcome
from tests.support import certificates

from .conftest import Accept

MEBIBYTE = 1024 * 1024

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., Awaitable[str]]
Dial = Callable[..., Awaitable[Socket]]


@pytest_asyncio.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts a service, and returns its address for the map."""
    servers: list[asyncio.Server] = []
    handling: set[asyncio.Task[None]] = set()

    async def serve(handler: Handler, scheme: str = "tcp", context: ssl.SSLContext | None = None) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            handling.add(asyncio.current_task())
            try:
                with contextlib.suppress(ConnectionError):
                    await handler(reader, writer)
            finally:
                writer.transport.abort()

        if scheme == "unix":
            path = tmp_path / "socket"
            servers.append(await asyncio.start_unix_server(handle, path))
            return f"unix:{path}"
        servers.append(await asyncio.start_server(handle, "localhost", 0, family=sockets.AF_INET, ssl=context))
        return f"{scheme}://localhost:{servers[-1].sockets[0].getsockname()[1]}"

    yield serve
    for server in servers:
        server.close()
    for task in handling:
        task.cancel()
    await asyncio.gather(*handling, return_exceptions=True)
    for _ in range(3):  # uvloop's turns until what was aborted is closed
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def dial(accept: Accept) -> AsyncIterator[Dial]:
    started = []

    async def dial(address: str, **fields) -> Socket:
        started.append(await start_socket(accept("none", kind="socket", address=address, **fields)))
        return started[-1]

    async with asyncio.timeout(15):
        yield dial
    for socket in started:
        socket.close()
        await socket.wait()
    await asyncio.sleep(0)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write(b"bye\n")
    await close(writer)


async def close(writer: asyncio.StreamWriter) -> None:
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def read_all(socket: Socket) -> bytes:
    pieces = []
    while data := await socket.stdout.read(65536):
        pieces.append(data)
    return b"".join(pieces)


@pytest.mark.parametrize("scheme", ["tcp", "unix"])
async def test_dialogue_goes_both_ways_and_half_a_close_ends_the_input(serve: Serve, dial: Dial, scheme: str):
    socket = await dial(await serve(echo, scheme))
    await socket.stdin.write(b"one\n")
    assert await socket.stdout.read(100) == b"one\n"
    socket.stdin.close()
    socket.stdin.close()
    assert await read_all(socket) == b"bye\n"
    assert await socket.wait() == Exit(code=0)
    with pytest.raises(BrokenPipeError):
        await socket.stdin.write(b"two\n")


async def test_output_that_was_sent_before_the_end_is_all_there(serve: Serve, dial: Dial):
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(4 * MEBIBYTE))
        await close(writer)

    socket = await dial(await serve(flood))
    assert len(await read_all(socket)) == 4 * MEBIBYTE
    assert await socket.wait() == Exit(code=0)


async def test_output_that_nobody_reads_holds_the_service_up(serve: Serve, dial: Dial):
    written = []

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        while True:
            writer.write(bytes(65536))
            await writer.drain()
            written.append(65536)

    socket = await dial(await serve(flood))
    before = -1
    while before != len(written):  # until the kernel's buffers are full too
        before = len(written)
        await asyncio.sleep(0.1)
    assert len(socket.stdout) < MEBIBYTE
    assert sum(written) < 32 * MEBIBYTE
    for _ in range(20):
        await socket.stdout.read(MEBIBYTE)


async def test_input_that_nobody_reads_holds_the_writer_up_until_it_is_killed(serve: Serve, dial: Dial):
    socket = await dial(await serve(silent))
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write_until_broken(socket))
        done, _ = await asyncio.wait([writing], timeout=0.3)
        assert not done and not socket.is_waiting()
        socket.terminate()  # what was written is not taken, so this can't end it
        done, _ = await asyncio.wait([writing], timeout=0.1)
        assert not done
        socket.kill()
        assert await writing
    assert await socket.wait()


async def write_until_broken(socket: Socket) -> bool:
    try:
        while True:
            await socket.stdin.write(bytes(MEBIBYTE))
    except BrokenPipeError:
        return True


async def test_service_that_resets_the_connection_is_no_clean_end(serve: Serve, dial: Dial):
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        await reader.readline()

    socket = await dial(await serve(reset))
    await socket.stdin.write(b"go\n")
    assert await socket.wait() == Exit(code=1)
    assert await socket.stdout.read(1) == b""


async def test_service_is_waiting_when_its_side_has_taken_all(serve: Serve, dial: Dial):
    socket = await dial(await serve(echo))
    await socket.stdin.write(b"one\n")
    await socket.stdout.read(100)
    assert socket.is_waiting()
    assert socket.asks is None and socket.stderr is None


async def test_terminated_connection_is_closed_and_the_service_sees_the_end(serve: Serve, dial: Dial):
    seen = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""
        seen.set()

    socket = await dial(await serve(listen))
    socket.terminate()
    await socket.wait()
    await seen.wait()


async def test_idle_limit_of_the_verb_ends_a_silent_service(serve: Serve, accept: Accept):
    accepted = accept("none", kind="socket", address=await serve(silent), idle_limit=1)
    socket = await start_socket(accepted)
    execution = Execution(accepted, socket)
    async with asyncio.timeout(10):
        assert await execution.read() is None
        await execution.wait()
    assert execution.result() == (Outcome.TIMEOUT, None)
    execution.close()


# What can't be connected


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "unix:/nonexistent/socket", "tcp://nonexistent.invalid:25"])
async def test_service_that_is_not_there_is_unavailable(accept: Accept, address: str):
    with pytest.raises(ExecutableUnavailable, match=address):
        await start_socket(accept("none", kind="socket", address=address))


async def test_connection_that_takes_longer_than_its_limit_is_given_up(serve: Serve, accept: Accept):
    # The handshake never comes: the service speaks no TLS.
    address = (await serve(silent)).replace("tcp:", "tls:")
    with pytest.raises(ExecutableUnavailable, match="no connection in 1 s"):
        await start_socket(accept("none", kind="socket", address=address, connect_limit=1))


# TLS


@pytest.fixture
def trust(settings, tmp_path) -> Callable[[Path], None]:
    def trust(certificate: Path) -> None:
        settings.IMAPX = {**settings.IMAPX, "VERB_CA": str(certificate)}

    return trust


async def test_service_with_a_certificate_that_is_trusted_is_spoken_to(
    serve: Serve, dial: Dial, tmp_path: Path, trust: Callable[[Path], None]
):
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello " + await reader.readline())
        await close(writer)

    certificate = certificates.make(tmp_path)
    trust(certificate)
    socket = await dial(await serve(greet, "tls", certificates.server_context(certificate)))
    await socket.stdin.write(b"ann\n")
    assert await read_all(socket) == b"hello ann\n"
    assert await socket.wait() == Exit(code=0)


async def test_dialogue_over_tls_goes_both_ways_however_long_a_line(
    serve: Serve, dial: Dial, tmp_path: Path, trust: Callable[[Path], None]
):
    certificate = certificates.make(tmp_path)
    trust(certificate)
    socket = await dial(await serve(echo, "tls", certificates.server_context(certificate)))
    for size in (1, 5, 100_000):
        async with asyncio.TaskGroup() as group:
            group.create_task(socket.stdin.write(bytes(size)))
            read = 0
            while read < size:
                read += len(await socket.stdout.read(65536))


async def test_tls_connection_that_is_cut_short_is_no_clean_end(
    serve: Serve, dial: Dial, tmp_path: Path, trust: Callable[[Path], None]
):
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"half of ")
        await writer.drain()
        writer.get_extra_info("socket").shutdown(sockets.SHUT_WR)  # below TLS, as from the middle of the network
        await reader.read()

    certificate = certificates.make(tmp_path)
    trust(certificate)
    socket = await dial(await serve(cut, "tls", certificates.server_context(certificate)))
    assert await read_all(socket) == b"half of "
    assert await socket.wait() == Exit(code=1)


@pytest.mark.parametrize(
    "bad", [{"name": "other.example"}, {"age": 60, "valid": 30}, None], ids=["name", "old", "unknown"]
)
async def test_certificate_that_does_not_hold_is_refused(
    serve: Serve, accept: Accept, tmp_path: Path, trust: Callable[[Path], None], bad: dict | None
):
    certificate = certificates.make(tmp_path, **(bad or {}))
    if bad is not None:
        trust(certificate)
    context = certificates.server_context(certificate)
    address = await serve(silent, "tls", context)
    with pytest.raises(ExecutableUnavailable, match="certificate verify failed"):
        await start_socket(accept("none", kind="socket", address=address))
