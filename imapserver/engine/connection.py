"""A connection to an engine: the dialogue of a login, and then the transport for the relay."""

import asyncio
import base64
import re
import ssl
from collections.abc import Mapping
from typing import cast

from imapserver.engine.credentials import Credentials, Password
from imapserver.wire.limits import LITERAL_SIZE
from imapserver.wire.secret import Secret
from imapserver.wire.syntax import quote

# What an engine may say in one line before and at the login (Dovecot's own limit there is 8,192).
LINE_LIMIT = 8192
HANDSHAKE_SECONDS = 10

_CAPABILITY_CODE = re.compile(rb"\S+ OK \[CAPABILITY ([^\]]*)\]", re.IGNORECASE)
_CAPABILITY_RESPONSE = re.compile(rb"\* CAPABILITY (.*)", re.IGNORECASE)
_OK_GREETING = re.compile(rb"\* OK( .*)?", re.IGNORECASE)
_BYE = re.compile(rb"\* BYE( .*)?", re.IGNORECASE)
# RFC 5530: what is wrong is the engine, and not the password.
_UNAVAILABLE = re.compile(rb"NO \[(UNAVAILABLE|SERVERBUG|INUSE|LIMIT|CONTACTADMIN)\b", re.IGNORECASE)


class EngineUnavailable(Exception):
    """The engine can't be reached, or can't be trusted. str() is for the log, not for the client."""


class LoginRefused(Exception):
    """The engine does not let this user in. str() is for the log."""


class EngineConnection(asyncio.Protocol):
    """A connection to an engine. After the login reading rests until `attach` names who receives the bytes.

    The methods of the dialogue raise EngineUnavailable, `authenticate` LoginRefused too; the caller sets the deadline,
    and closes the connection if one fails.
    """

    transport: asyncio.Transport
    capabilities: tuple[str, ...] = ()
    """The engine's own, as it spells them, those that it named last."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._more = asyncio.Event()
        self._lost = False
        self._error: Exception | None = None
        self._tags = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._more.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost, self._error = True, exc
        self._more.set()

    def has(self, capability: str) -> bool:
        return capability in (name.upper() for name in self.capabilities)

    @property
    def largest_unasked_literal(self) -> int:
        """Octets of the largest non-synchronizing literal that it takes (RFC 7888; RFC 9051 section 4.3)."""
        if self.has("LITERAL+"):
            return LITERAL_SIZE
        return 4096 if self.has("LITERAL-") or self.has("IMAP4REV2") else 0

    async def greet(self) -> None:
        """Read the greeting."""
        greeting = await self._read_line()
        # PREAUTH would be somebody else's mailbox: it has not asked who we are (RFC 3501 section 7.1.4).
        if not _OK_GREETING.fullmatch(greeting):
            raise EngineUnavailable(f"the engine's greeting is no OK: {greeting!r}")
        self._note_capabilities(greeting)

    async def ask_capabilities(self) -> None:
        """Ask, unless the engine has named them already."""
        if not self.capabilities:
            await self._complete(b"CAPABILITY")

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """STARTTLS. What the engine said before it counts no more (RFC 3501 section 6.2.1)."""
        if not self.has("STARTTLS"):
            raise EngineUnavailable("the engine offers no STARTTLS")
        await self._complete(b"STARTTLS")
        if self._received:
            # Put in by somebody in between: it would be read as if it had come encrypted.
            raise EngineUnavailable("the engine sent more than its answer to STARTTLS")
        self.capabilities = ()
        upgraded = await asyncio.get_running_loop().start_tls(
            self.transport, self, context, server_hostname=host, ssl_handshake_timeout=HANDSHAKE_SECONDS
        )
        if upgraded is None:
            raise EngineUnavailable("the engine closed during the TLS handshake")
        self.transport = upgraded

    async def identify(self, fields: Mapping[str, str]) -> None:
        """ID (RFC 2971), where the engine has it."""
        if self.has("ID"):
            words = b" ".join(quote(word.encode()) for field in fields.items() for word in field)
            await self._complete(b"ID (" + words + b")")

    async def authenticate(self, credentials: Credentials) -> None:
        """Log in. Capabilities are those of after the login (RFC 3501 section 6.2.3)."""
        mechanism = credentials.mechanism
        if isinstance(credentials, Password) and not credentials.acting_for and not self.has("AUTH=PLAIN"):
            await self._log_in(credentials)
        else:
            response = Secret(base64.b64encode(credentials.response().reveal()))
            command = f"AUTHENTICATE {mechanism}".encode()
            at_once, self.capabilities = self.has("SASL-IR"), ()
            if at_once:
                self._send(command + b" " + response.reveal())
            else:
                self._send(command)
                await self._continuation()
                self.transport.write(response.reveal() + b"\r\n")
            # A failed bearer token is answered by a challenge, and that by this (RFC 7628 section 3.2.3).
            await self._completion(challenged=b"AQ==" if mechanism == "OAUTHBEARER" else b"")
        await self.ask_capabilities()
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

    async def _log_in(self, credentials: Password) -> None:
        """LOGIN, each word as a literal: they may hold what no quoted string may."""
        if self.has("LOGINDISABLED"):
            raise EngineUnavailable("the engine offers neither AUTH=PLAIN nor LOGIN")
        username, password = credentials.username.encode(), credentials.password.reveal()
        self.capabilities = ()
        self._send(b"LOGIN {%d}" % len(username))
        await self._continuation()
        self.transport.write(username + b" {%d}\r\n" % len(password))
        await self._continuation()
        self.transport.write(password + b"\r\n")
        await self._completion()

    async def _complete(self, command: bytes) -> None:
        self._send(command)
        await self._completion()

    def _send(self, command: bytes) -> None:
        self._tags += 1
        self.transport.write(b"A%d %b\r\n" % (self._tags, command))

    async def _continuation(self) -> None:
        line = await self._read_line()
        if not line.startswith(b"+"):
            raise LoginRefused(f"the engine did not go on with the login: {line!r}")

    async def _completion(self, challenged: bytes | None = None) -> None:
        """Read to the tagged OK, noting capabilities on the way."""
        tag = b"A%d " % self._tags
        while True:
            line = await self._read_line()
            self._note_capabilities(line)
            if line.startswith(tag):
                condition = line[len(tag) :]
                if condition[:3].upper() in (b"OK", b"OK "):
                    return
                if _UNAVAILABLE.match(condition) or condition[:3].upper() != b"NO ":
                    raise EngineUnavailable(f"the engine answered {line!r}")
                raise LoginRefused(f"the engine answered {line!r}")
            if line.startswith(b"+") and challenged is not None:
                self.transport.write(challenged + b"\r\n")
                challenged = None
            elif not line.startswith(b"* ") or _BYE.fullmatch(line):
                raise EngineUnavailable(f"the engine broke off: {line!r}")

    def _note_capabilities(self, line: bytes) -> None:
        named = _CAPABILITY_RESPONSE.fullmatch(line) or _CAPABILITY_CODE.match(line)
        if named:
            self.capabilities = tuple(named[1].decode("ascii", "replace").split())

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
