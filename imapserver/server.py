"""Listen, accept, drain."""

import asyncio
import ssl
from collections.abc import Callable

from django.conf import settings

from imapserver import accept, metrics
from imapserver.admission import Slots
from imapserver.connection import Application, ImapConnection
from imapserver.engine.engine import Engine

LAST_SECONDS = 5


class ImapServer:
    """All clients of one process."""

    def __init__(
        self,
        application: Application,
        engine: Engine,
        context: ssl.SSLContext,
        connection: Callable[..., ImapConnection] = ImapConnection,
    ) -> None:
        """`context` is for IMAPS and STARTTLS. `connection` makes that of one client: a traced one, it may be."""
        self._make_connection = connection
        self._application = application
        self._context = context
        self.engine = engine
        self._slots = Slots(*settings.IMAPX["PREAUTH_SLOTS"])
        self._listeners: list[accept.Listener] = []
        self._connections: set[ImapConnection] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    async def listen(self, host: str, port: int, *, tls: bool) -> tuple[str, int]:
        """Accept clients on this address; with `tls`, IMAPS. Returns the address; port 0 takes a free one."""

        connected = metrics.CONNECTIONS.labels("imaps" if tls else "imap")

        def opened(connection: ImapConnection) -> None:
            self._remember(connection)
            connected.inc()

        def closed(connection: ImapConnection) -> None:
            self._forget(connection)
            connected.dec()

        def make(arrival: accept.Arrival) -> ImapConnection:
            return self._make_connection(
                self._application,
                self.engine,
                arrival,
                context=self._context,
                opened=opened,
                closed=closed,
            )

        listeners = await accept.listen(host, port, self._slots, make, self._context if tls else None)
        self._listeners += listeners
        return listeners[0].address

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
