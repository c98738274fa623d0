"""The web admin by daphne, on the event loop that serves IMAP."""

import asyncio
from typing import Any

WEBSOCKET_BYTES = 64 * 1024
WEBSOCKET_SECONDS = 8 * 3600  # no longer than a session


class WebUnavailable(Exception):
    """The web can't listen on its address."""


class Web:
    """daphne's server. Make it before the loop runs: Twisted takes the loop as its reactor's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, host: str, port: int) -> None:
        from twisted.internet import asyncioreactor

        # daphne makes a loop of its own at import, unless a reactor is there already.
        asyncioreactor.install(loop)
        from daphne.server import Server

        address = host.replace(":", r"\:")
        self._server = Server(
            None,
            endpoints=[f"tcp:port={port}:interface={address}"],
            signal_handlers=False,
            verbosity=0,
            server_name="IMAPX",
            # Pages send little: whoever sends a message beyond it is cut off.
            websocket_max_message_size=WEBSOCKET_BYTES,
            websocket_max_frame_size=WEBSOCKET_BYTES,
            websocket_timeout=WEBSOCKET_SECONDS,
            application_close_timeout=10,
        )

    def run(self, application: Any) -> None:
        """Listen, and run the loop until `stop`. Raises WebUnavailable if the address can't be had."""
        self._server.application = application
        self._server.run()
        if self._server.abort_start:
            raise WebUnavailable

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._server.listening_addresses[0]
        return host, port

    def stop(self) -> None:
        self._server.stop()
