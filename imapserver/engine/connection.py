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
WAITING_LIMIT = 64 * 1024
HANDSHAKE_SECONDS = 10

# Tagged: a continuation request `+ OK` is none.
_OK = re.compile(rb"A[0-9]+ OK( .*)?", re.IGNORECASE)
_NO = re.compile(rb"A[0-9]+ NO( .*)?", re.IGNORECASE)
_CAPABILITY_CODE = re.compile(rb"\S+ OK \[CAPABILITY ([^\]]*)\]", re.IGNORECASE)
_CAPABILITY_RESPONSE = re.compile(rb"\* CAPABILITY (.*)", re.IGNORECASE)
_OK_GREETING = re.compile(rb"\* OK( .*)?", re.IGNORECASE)
_BYE = re.compile(rb"\* BYE( .*)?", re.IGNORECASE)
_CONDITION = re.compile(rb"\S+ ((OK|NO|BAD|BYE)( \[[A-Z-]+\])?)( .*)?", re.IGNORECASE)
# RFC 5530: what is wrong is the engine, and not the password.
_UNAVAILABLE = re.compile(rb"\S+ NO \[(UNAVAILABLE|SERVERBUG|INUSE|LIMIT|CONTACTADMIN)\]", re.IGNORECASE)
# What a client answers to the challenge that tells it why its token has failed (RFC 7628 section 3.2.3; XOAUTH2's own
# document). To any other challenge that there should not be: `*`, which cancels.
_ACKNOWLEDGED = {"OAUTHBEARER": b"AQ==", "XOAUTH2": b""}


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
        self._knows_secret = False
        """The engine has had a password or a token: what it says from then on may repeat it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > WAITING_LIMIT:
            self.transport.abort()  # no engine has so much to say at a login
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
        offered = self.has(f"AUTH={credentials.mechanism}")
        if not offered and isinstance(credentials, Password) and not credentials.acting_for:
            await self._log_in(credentials)
        elif not offered:
            raise EngineUnavailable(f"the engine does not offer AUTH={credentials.mechanism}")
        else:
            await self._authenticate(credentials)
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

    async def _authenticate(self, credentials: Credentials) -> None:
        command = f"AUTHENTICATE {credentials.mechanism}".encode()
        response = Secret(base64.b64encode(credentials.response().reveal()))
        at_once, self.capabilities = self.has("SASL-IR"), ()
        if at_once:
            self._send(command, response)
        else:
            self._send(command)
            await self._continuation()
            self._go_on(response)
        line = await self._answer()
        if line.startswith(b"+"):
            self._go_on(Secret(_ACKNOWLEDGED.get(credentials.mechanism, b"*")))
            line = await self._answer()
        self._check_login(line)

    async def _log_in(self, credentials: Password) -> None:
        """LOGIN, each word as a literal: they may hold what no quoted string may."""
        if self.has("LOGINDISABLED"):
            raise EngineUnavailable("the engine offers neither AUTH=PLAIN nor LOGIN")
        username, password = credentials.username.encode(), credentials.password
        self.capabilities = ()
        self._send(b"LOGIN {%d}" % len(username))
        await self._continuation()
        self._go_on(Secret(username + b" {%d}" % len(password.reveal())))
        await self._continuation()
        self._go_on(password)
        self._check_login(await self._answer())

    async def _complete(self, command: bytes) -> None:
        self._send(command)
        line = await self._answer()
        if not _OK.fullmatch(line):
            raise EngineUnavailable(f"the engine answered {self._shown(line)} to {command.decode()}")

    def _send(self, command: bytes, response: Secret | None = None) -> None:
        self._tags += 1
        line = b"A%d %b" % (self._tags, command)
        if response is None:
            self.transport.write(line + b"\r\n")
        else:
            self._go_on(Secret(line + b" " + response.reveal()))

    def _go_on(self, line: Secret) -> None:
        self._knows_secret = True
        self.transport.write(line.reveal() + b"\r\n")

    async def _continuation(self) -> None:
        line = await self._answer()
        if not line.startswith(b"+"):
            self._check_login(line)
            raise EngineUnavailable("the engine said OK before it had the credentials")

    def _check_login(self, line: bytes) -> None:
        if _NO.fullmatch(line) and not _UNAVAILABLE.match(line):
            raise LoginRefused(f"the engine answered {self._shown(line)}")
        if not _OK.fullmatch(line):
            raise EngineUnavailable(f"the engine answered {self._shown(line)}")

    async def _answer(self) -> bytes:
        """Read to the tagged response or continuation request, noting capabilities on the way."""
        tag = b"A%d " % self._tags
        while True:
            line = await self._read_line()
            self._note_capabilities(line)
            if line.startswith((tag, b"+")):
                return line
            if not line.startswith(b"* ") or _BYE.fullmatch(line):
                raise EngineUnavailable(f"the engine broke off: {self._shown(line)}")

    def _shown(self, line: bytes) -> str:
        """A line of the engine's for the log: all of it, or what can't hold the secret."""
        if not self._knows_secret:
            return repr(line)
        condition = _CONDITION.fullmatch(line)
        return repr(condition[1]) if condition else "a line that is no status response"

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
