"""An IMAP server that is there already: imap://, imaps:// or unix:."""

import asyncio
import contextlib
import logging
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from imapserver.engine.connection import HANDSHAKE_SECONDS, EngineConnection, EngineUnavailable, LoginRefused
from imapserver.engine.credentials import Credentials, Origin, Password
from imapserver.keepalive import keep_alive
from imapserver.wire.secret import Secret

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10
GREETING_SECONDS = 5
TOKEN_MECHANISMS = ("OAUTHBEARER", "XOAUTH2")

# What a name may hold on its way to an engine that decides by it. No blank, and no `*`: Dovecot reads `user*master`
# as a master login. Not all of Unicode: two spellings of one name would be two users here and one there.
USERNAME = re.compile(r"[A-Za-z0-9._@+-]{1,150}")


@dataclass(frozen=True, slots=True)
class Location:
    """Where the engine listens. `host` is the name that its certificate must have."""

    scheme: str
    host: str
    port: int
    path: str = ""


def parse_location(url: str) -> Location:
    """Read imap://HOST[:PORT], imaps://HOST[:PORT] or unix:/PATH. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc:
        return Location("unix", "", 0, unquote(parts.path))
    more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("imap", "imaps") or not parts.hostname or more:
        raise ValueError(f"{url!r} is no engine: use imap://HOST[:PORT], imaps://HOST[:PORT] or unix:/PATH")
    return Location(parts.scheme, parts.hostname, parts.port or (993 if parts.scheme == "imaps" else 143))


@dataclass(frozen=True, slots=True)
class MasterUser:
    """A login of the engine's that may become any user, once Django has let that one in."""

    username: str
    password: Secret


class RemoteEngine:
    """Without `master` the engine is the authority: users log in there with their own credentials."""

    def __init__(
        self,
        url: str,
        *,
        start_tls: bool = True,
        ca: Path | None = None,
        master: MasterUser | None = None,
        lowercase: bool = True,
        send_origin: bool = True,
        login_seconds: float = 30,
    ) -> None:
        """`start_tls`: required for imap://. `ca`: certificates to trust instead of the system's. `lowercase`: the
        engine knows names without case. `login_seconds`: for all of a login, connecting too. Raises ValueError."""
        self.name = url
        self.authority = master is None
        self.mechanisms: tuple[str, ...] = ()
        self._location = parse_location(url)
        self._start_tls = start_tls and self._location.scheme == "imap"
        self._master = master
        self._lowercase = lowercase
        self._send_origin = send_origin
        self._login_seconds = login_seconds
        try:
            self._context = ssl.create_default_context(cafile=str(ca) if ca else None)
        except OSError as error:
            raise ValueError(f"the certificates in {ca} can't be read: {error}") from error
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2

    async def start(self) -> None:
        """An engine that is away now may be back when the first user comes: that is a warning and no failure."""
        if self._location.scheme == "imap" and not self._start_tls:
            logger.warning("Passwords go to %s without TLS", self.name)
        try:
            async with asyncio.timeout(self._login_seconds), self._connected() as connection:
                await connection.ask_capabilities()
                self._note_mechanisms(connection)
                connection.transport.close()
        except (EngineUnavailable, OSError, TimeoutError) as error:
            logger.warning("The engine %s can't be reached now: %s", self.name, error or type(error).__name__)

    async def stop(self) -> None:
        pass

    async def check(self) -> None:
        try:
            connection = await self._connect()
            try:
                async with asyncio.timeout(GREETING_SECONDS):
                    await connection.greet()
            finally:
                connection.transport.abort()
        except TimeoutError:
            raise EngineUnavailable(f"{self.name} does not greet") from None
        except OSError as error:  # ssl.SSLError is one
            raise EngineUnavailable(f"{self.name}: {error}") from error

    async def open(
        self, username: str, credentials: Credentials | None = None, origin: Origin | None = None
    ) -> EngineConnection:
        if self._master is not None:
            if self._lowercase and username != username.lower():
                # Django tells Ann from ann: they would be two users of one mailbox.
                raise LoginRefused(f"{username!r} is not in lower case (see IMAPX_ENGINE_LOWERCASE)")
            credentials = Password(self._master.username, self._master.password, acting_for=username)
        if credentials is None or not USERNAME.fullmatch(username):
            raise LoginRefused(f"no name for an engine's user: {username!r}")
        try:
            async with asyncio.timeout(self._login_seconds), self._connected() as connection:
                await connection.ask_capabilities()
                self._note_mechanisms(connection)
                if origin is not None and self._send_origin:
                    await connection.identify(_origin_fields(origin))
                await connection.authenticate(credentials)
        except LoginRefused as refused:
            if self._master is not None:
                raise EngineUnavailable(f"the master user: {refused}") from refused
            raise
        except TimeoutError:
            raise EngineUnavailable(f"{self.name} gave no login within {self._login_seconds:g} s") from None
        except OSError as error:  # ssl.SSLError is one
            raise EngineUnavailable(f"{self.name}: {error}") from error
        return connection

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[EngineConnection]:
        connection = await self._connect()
        try:
            await connection.greet()
            if self._start_tls:
                await connection.ask_capabilities()
                await connection.start_tls(self._context, self._location.host)
            yield connection
        except BaseException:
            connection.transport.abort()
            raise

    async def _connect(self) -> EngineConnection:
        loop = asyncio.get_running_loop()
        location = self._location
        async with asyncio.timeout(CONNECT_SECONDS):
            if location.scheme == "unix":
                _, connection = await loop.create_unix_connection(EngineConnection, location.path)
            elif location.scheme == "imaps":
                _, connection = await loop.create_connection(
                    EngineConnection,
                    location.host,
                    location.port,
                    ssl=self._context,
                    ssl_handshake_timeout=HANDSHAKE_SECONDS,
                )
            else:
                _, connection = await loop.create_connection(EngineConnection, location.host, location.port)
        if location.scheme != "unix":
            keep_alive(connection.transport.get_extra_info("socket"))
        return connection

    def _note_mechanisms(self, connection: EngineConnection) -> None:
        if self.authority:
            self.mechanisms = tuple(name for name in TOKEN_MECHANISMS if connection.has(f"AUTH={name}"))


def _origin_fields(origin: Origin) -> dict[str, str]:
    """The ID fields that Dovecot takes from login_trusted_networks (its imap-login's client fields)."""
    return {
        "x-originating-ip": origin.address,
        "x-originating-port": str(origin.port),
        "x-session-id": origin.connection,
        "x-proxy-ttl": "1",
    }
