"""Listen, accept, drain."""

import asyncio
import ssl

from imapserver.connection import Application, ImapConnection
from imapserver.engine.engine import Engine

HANDSHAKE_SECONDS = 10
"""asyncio's own limit is 60: six times as long for a handshake that stands still to hold its place."""

LAST_SECONDS = 5


class ImapServer:
    """All clients of one process."""

    def __init__(self, application: Application, engine: Engine) -> None:
        self._application = application
        self.engine = engine
        self._listeners: list[asyncio.Server] = []
        self._connections: set[ImapConnection] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> tuple[str, int]:
        """Accept clients on this address; with `tls`, IMAPS. Returns the address; port 0 takes a free one."""

        def connect() -> ImapConnection:
            return ImapConnection(
                self._application, self.engine, tls=tls is not None, opened=self._remember, closed=self._forget
            )

        loop = asyncio.get_running_loop()
        handshake = HANDSHAKE_SECONDS if tls is not None else None
        listener = await loop.create_server(connect, host, port, ssl=tls, ssl_handshake_timeout=handshake, backlog=1024)
        self._listeners.append(listener)
        name = listener.sockets[0].getsockname()
        return name[0], name[1]

    async def drain(self, seconds: float) -> None:
        """Accept nobody, let executions go on for so long, end them, and return when every client is gone.

        Cancelling it ends all at once."""
        for listener in self._listeners:
            listener.close()
        for connection in self._connections:
            connection.shut_down(seconds)
        try:
            async with asyncio.timeout(seconds + LAST_SECONDS):
                await self._empty.wait()
        except (TimeoutError, asyncio.CancelledError):
            for connection in list(self._connections):
                connection.abort()
            await self._empty.wait()

    def _remember(self, connection: ImapConnection) -> None:
        self._connections.add(connection)
        self._empty.clear()

    def _forget(self, connection: ImapConnection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
