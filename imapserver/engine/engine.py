"""What every engine offers, and a connection to one on which a user is logged in."""

import asyncio
import base64
import re
from typing import Protocol, cast

# What an engine may say in one line before and at the login (Dovecot's own limit there is 8,192).
LINE_LIMIT = 8192

_CAPABILITY_CODE = re.compile(rb"\S+ OK \[CAPABILITY ([^\]]*)\]", re.IGNORECASE)
_CAPABILITY_RESPONSE = re.compile(rb"\* CAPABILITY (.*)", re.IGNORECASE)
_OK_GREETING = re.compile(rb"\* OK( .*)?", re.IGNORECASE)
_TAGGED_OK = re.compile(rb"\S+ OK( .*)?", re.IGNORECASE)
_BYE = re.compile(rb"\* BYE( .*)?", re.IGNORECASE)


class EngineUnavailable(Exception):
    """The engine can't be reached, or refuses. str() is for the log, not for the client."""


class EngineConnection(asyncio.Protocol):
    """A connection to an engine. After `login` reading rests until `attach` names who receives the bytes."""

    transport: asyncio.Transport
    capabilities: tuple[str, ...] = ()
    """The engine's own, as they are after the login, in upper case."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._more = asyncio.Event()
        self._lost = False
        self._error: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by type

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._more.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost, self._error = True, exc
        self._more.set()

    async def login(self, username: str, password: str) -> None:
        """Read the greeting and log in. Raises EngineUnavailable; the caller sets the deadline.

        The connection is closed if this fails or is cancelled. Neither argument may hold a NUL (RFC 4616).
        """
        try:
            # PREAUTH would be somebody else's mailbox: it has not asked who we are (RFC 3501 section 7.1.4).
            if not _OK_GREETING.fullmatch(greeting := await self._read_line()):
                raise EngineUnavailable(f"the engine's greeting is no OK: {greeting!r}")
            response = base64.b64encode(f"\0{username}\0{password}".encode())
            await self._complete(b"A", b"AUTHENTICATE PLAIN " + response)
            if not self.capabilities:
                await self._complete(b"B", b"CAPABILITY")
        except BaseException:
            self.transport.abort()
            raise
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def attach(self, receiver: asyncio.Protocol) -> None:
        """From now on the transport delivers to `receiver`, first what had come after the login.

        `connection_made` is not called: the receiver takes `transport` from here. `connection_lost` is, always.
        """
        self.transport.set_protocol(receiver)
        if self._received:
            receiver.data_received(bytes(self._received))
            self._received.clear()
        if self._lost:
            asyncio.get_running_loop().call_soon(receiver.connection_lost, self._error)
        elif not self.transport.is_closing():
            self.transport.resume_reading()

    async def _complete(self, tag: bytes, command: bytes) -> None:
        """Send a command and read to its tagged OK, noting capabilities on the way."""
        self.transport.write(tag + b" " + command + b"\r\n")
        self.capabilities = ()  # those of before the login count no more (RFC 3501 section 6.2.3)
        while True:
            line = await self._read_line()
            if capabilities := _CAPABILITY_RESPONSE.fullmatch(line) or _CAPABILITY_CODE.match(line):
                self.capabilities = tuple(capabilities[1].decode("ascii", "replace").upper().split())
            if line.startswith(tag + b" "):
                if not _TAGGED_OK.fullmatch(line):
                    raise EngineUnavailable(f"the engine refused the login: {line!r}")
                return
            if not line.startswith(b"* ") or _BYE.fullmatch(line):
                raise EngineUnavailable(f"the engine broke the login off: {line!r}")

    async def _read_line(self) -> bytes:
        while (end := self._received.find(b"\r\n", 0, LINE_LIMIT)) < 0:
            if len(self._received) >= LINE_LIMIT:
                raise EngineUnavailable(f"the engine sent a line of more than {LINE_LIMIT} bytes")
            if self._lost:
                raise EngineUnavailable("the engine closed the connection")
            self._more.clear()
            await self._more.wait()
        line = bytes(self._received[:end])
        del self._received[: end + 2]
        return line


class Engine(Protocol):
    """The IMAP server that keeps the mail."""

    name: str

    async def start(self) -> None:
        """Return when users can be logged in. Raises EngineUnavailable, and then nothing is left running."""

    async def stop(self) -> None:
        """Return when the engine is gone with all its processes. May be called at any time, any number of times."""

    async def open(self, username: str) -> EngineConnection | None:
        """Return a connection on which this user is logged in; None where the engine keeps no mail.

        Raises EngineUnavailable, within 10 s.
        """
