"""Who asks something of an engine that is gone already is told so at once."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from imapserver.engine.connection import EngineConnection
from imapserver.outgoing import Outgoing
from imapserver.relay.relay import Relay
from imapserver.wire.events import RelayStarted
from imapserver.wire.server_protocol import ServerProtocol

AT_ONCE = 2


@dataclass
class Lost:
    relay: Relay
    wire: ServerProtocol


@pytest_asyncio.fixture(params=["between commands", "in a command", "in IDLE"])
async def lost(request: pytest.FixtureRequest) -> AsyncIterator[Lost]:
    loop = asyncio.get_running_loop()
    near, far = socket.socketpair()
    client, theirs = socket.socketpair()
    to_client, _ = await loop.create_connection(asyncio.Protocol, sock=client)
    _, engine = await loop.create_connection(EngineConnection, sock=near)
    wire, gone = ServerProtocol(), loop.create_future()
    wire.log_in(relaying=True, served=frozenset())
    relay = Relay(engine, wire, Outgoing(to_client), changed=lambda: None, lost=gone.set_result)
    if request.param == "in a command":
        relay.start(RelayStarted(b"a", b"NOOP", b"a NOOP\r\n"))
    if request.param == "in IDLE":
        wire.receive_data(b"a IDLE\r\n")
        event = wire.next_event()
        assert isinstance(event, RelayStarted)
        relay.start(event)
        far.sendall(b"+ idling\r\n")
        async with asyncio.timeout(AT_ONCE):
            while not wire.in_idle:
                await asyncio.sleep(0)
    far.close()
    async with asyncio.timeout(AT_ONCE):
        await gone
    yield Lost(relay, wire)
    to_client.close()
    theirs.close()


async def test_message_is_not_to_be_had(lost: Lost) -> None:
    async with asyncio.timeout(AT_ONCE):
        with pytest.raises(ConnectionError):
            await lost.relay.fetch(1, 1000, io.BytesIO())
    assert not lost.relay.full


async def test_nothing_is_new(lost: Lost) -> None:
    async with asyncio.timeout(AT_ONCE):
        await lost.relay.ask_for_news()


async def test_nothing_more_will_be_answered(lost: Lost) -> None:
    async with asyncio.timeout(AT_ONCE):
        await lost.relay.settle()
