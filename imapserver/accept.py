"""Accepting clients: a place before login, the PROXY protocol, TLS.

The servers of asyncio and uvloop tell of a client after its TLS handshake: nobody could count those who stand still
in it, and a PROXY header comes before it. So the sockets are accepted here.
"""

import asyncio
import contextlib
import logging
import os
import resource
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from imapserver.addresses import Address, is_within, unmapped
from imapserver.admission import Place, Slots
from imapserver.keepalive import keep_alive
from imapserver.wire import response
from imapserver.wire.proxy_header import HEADER_OCTETS, BadProxyHeader, ProxyHeader, ProxyHeaderReader

logger = logging.getLogger(__name__)

BACKLOG = 1024
AT_A_TIME = 64
"""Clients that are accepted before others are served again."""

HEADER_SECONDS = 5
"""For a PROXY header, which a load balancer sends at once, in one segment."""

HANDSHAKE_SECONDS = 10
"""asyncio's own limit is 60: six times as long for a handshake that stands still to hold its place."""

SHUTDOWN_SECONDS = 5
"""For a client's part of the end of TLS (asyncio: 30). All that is to be sent has been sent by then."""

PAUSE_SECONDS = 0.2
"""Between two tries to accept while there is no descriptor left."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A client, as it is when its protocol is made."""

    client: Address
    tls: bool
    """It sends encrypted octets: here, or to the load balancer, which says so."""
    place: Place
    """Its place before login: the protocol has to leave it."""


class Listener:
    """One listening socket. `make` makes the protocol of each client that has arrived."""

    def __init__(
        self,
        listening: socket.socket,
        slots: Slots,
        make: Callable[[Arrival], asyncio.Protocol],
        context: ssl.SSLContext | None,
    ) -> None:
        self._listening = listening
        self._slots = slots
        self._make = make
        self._context = context
        self._reserve: int | None = os.open(os.devnull, os.O_RDONLY)
        self._short = False
        self._arriving: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(listening, self._accept)

    @property
    def address(self) -> Address:
        host, port = self._listening.getsockname()[:2]
        return host, port

    def close(self) -> None:
        """Accept nobody, and let go of those who have not arrived yet."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()
        self._give_reserve()
        for task in self._arriving:
            task.cancel()

    def _accept(self) -> None:
        for _ in range(AT_A_TIME):
            try:
                client, peer = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._run_short(error)
                return
            self._short = False
            self._welcome(client, (unmapped(peer[0]), peer[1]))

    def _run_short(self, error: OSError) -> None:
        """Of descriptors, or of memory: let one client go rather than wait unheard, and try again a little later."""
        if not self._short:
            logger.error("Clients can't be accepted: %s", error)
        self._short = True
        self._give_reserve()
        with contextlib.suppress(OSError):
            self._listening.accept()[0].close()
        with contextlib.suppress(OSError):  # somebody else was quicker
            self._reserve = os.open(os.devnull, os.O_RDONLY)
        self._loop.remove_reader(self._listening)
        self._pause = self._loop.call_later(PAUSE_SECONDS, self._loop.add_reader, self._listening, self._accept)

    def _give_reserve(self) -> None:
        reserve, self._reserve = self._reserve, None
        if reserve is not None:
            os.close(reserve)

    def _welcome(self, client: socket.socket, peer: Address) -> None:
        client.setblocking(False)
        place = self._slots.take()
        if place is None:
            if self._context is None:
                with contextlib.suppress(OSError):
                    client.send(response.status(None, "BYE", "too many clients are logging in", "UNAVAILABLE"))
            client.close()
            return
        task = self._loop.create_task(self._arrive(client, peer, place))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _arrive(self, client: socket.socket, peer: Address, place: Place) -> None:
        arrived = False
        try:
            arrival = Arrival(peer, self._context is not None, place)
            if is_within(peer[0], settings.IMAPX["PROXY_FROM"]):
                arrival = _told(arrival, await _read_header(client))
            seconds = (HANDSHAKE_SECONDS, SHUTDOWN_SECONDS) if self._context is not None else (None, None)
            await self._loop.connect_accepted_socket(
                lambda: self._make(arrival),
                client,
                ssl=self._context,
                ssl_handshake_timeout=seconds[0],
                ssl_shutdown_timeout=seconds[1],
            )
            arrived = True
        except (OSError, TimeoutError, BadProxyHeader) as error:  # ssl.SSLError is an OSError
            logger.info("No connection with %s: %s", peer[0], error or type(error).__name__)
        finally:
            if not arrived:
                place.leave()
                client.close()


async def listen(
    host: str,
    port: int,
    slots: Slots,
    make: Callable[[Arrival], asyncio.Protocol],
    context: ssl.SSLContext | None = None,
) -> list[Listener]:
    """Listen on all addresses of `host`; "::" is every address of both IP versions. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[Listener] = []
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            listeners.append(Listener(_listening(family, address), slots, make, context))
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _listening(family: int, address: tuple[object, ...]) -> socket.socket:
    both = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
    listening = socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=both)
    listening.setblocking(False)
    # Inherited by each client's socket.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    keep_alive(listening)
    return listening


async def _read_header(client: socket.socket) -> ProxyHeader:
    """Read the PROXY header and not an octet more: what follows is for the TLS handshake."""
    reader = ProxyHeaderReader()
    async with asyncio.timeout(HEADER_SECONDS):
        while reader.header is None:
            await _readable(client)
            with contextlib.suppress(BlockingIOError):
                waiting = client.recv(HEADER_OCTETS, socket.MSG_PEEK)
                if not waiting:
                    raise ConnectionAbortedError("closed before a PROXY header")
                client.recv(reader.take(waiting))
    return reader.header


async def _readable(client: socket.socket) -> None:
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(client, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(client)


def _told(arrival: Arrival, header: ProxyHeader) -> Arrival:
    client = arrival.client
    if header.source is not None:
        client = unmapped(header.source[0]), header.source[1]
    return Arrival(client, arrival.tls or header.tls, arrival.place)


def raise_descriptor_limit() -> None:
    """Let this process have as many descriptors as it may give itself: a client takes two, one of them the engine's."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
