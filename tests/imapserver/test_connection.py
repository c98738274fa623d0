"""The server's side of one connection, with an application of the test's own."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from imapserver.accept import Arrival
from imapserver.admission import Place
from imapserver.connection import ImapConnection
from imapserver.engine.none import NoEngine


async def test_command_that_comes_while_it_is_closed_is_not_taken() -> None:
    """TLS delivers what has come until it is shut down, which waits for a client that takes nothing."""
    told: list[str] = []

    async def application(
        scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        told.append((await receive())["type"])
        await send({"type": "imap.next", "bad": False})
        await send({"type": "imap.close"})
        connection.data_received(b"a NOOP\r\n")
        told.append((await receive())["type"])

    ended = asyncio.get_running_loop().create_future()
    connection = ImapConnection(
        application,
        NoEngine(),
        Arrival(("127.0.0.1", 1), tls=False, place=Place(lambda: None)),
        context=None,
        opened=lambda _: None,
        closed=ended.set_result,
    )
    near, far = socket.socketpair()
    with far:
        await asyncio.get_running_loop().create_connection(lambda: connection, sock=near)
        async with asyncio.timeout(5):
            await ended
    assert told == ["imap.connect", "imap.disconnect"]
