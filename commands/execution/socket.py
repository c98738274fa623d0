"""The kind `socket`: a connection to a service that runs already, at an address of the map's."""

import asyncio
import contextlib
import fcntl
import ssl
import sys
import termios
from functools import lru_cache
from typing import cast

from django.conf import settings

from commands.address import Address, parse_address
from commands.attempt import Accepted
from commands.execution.buffer import Buffer
from commands.execution.executable import ExecutableUnavailable, Exit, Writer
from commands.execution.preamble import PREAMBLES
from commands.execution.smtp_guard import SmtpGuard


async def start_socket(accepted: Accepted) -> "Socket":
    """Connect, with TLS and preamble, within the verb's `connect_limit`."""
    verb = accepted.verb
    connection = Socket()
    try:
        async with asyncio.timeout(verb.connect_limit):
            await _connect(connection, parse_address(verb.address))
            await PREAMBLES[verb.preamble](accepted.attempt, connection)
        if verb.preamble == "xclient":
            connection.guard = SmtpGuard()
    except TimeoutError as error:
        connection.close()
        raise ExecutableUnavailable(f"{verb.address}: no connection in {verb.connect_limit} s") from error
    except (OSError, ValueError, EOFError) as error:
        connection.close()
        raise ExecutableUnavailable(f"{verb.address}: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


async def _connect(connection: "Socket", address: Address) -> None:
    loop = asyncio.get_running_loop()
    if address.path:
        await loop.create_unix_connection(lambda: connection, address.path)
        return
    context = _context(settings.IMAPX["VERB_CA"]) if address.tls else None
    await loop.create_connection(lambda: connection, address.host, address.port, ssl=context)


@lru_cache(maxsize=4)
def _context(ca: str) -> ssl.SSLContext:
    """Certificate and host name are checked. Kept: to read the system's certificates takes 20 ms."""
    return ssl.create_default_context(cafile=ca or None)


class Socket(asyncio.Protocol):
    """A connection; the contract is executable.Executable's, and it is its own `stdin`.

    The peer's end of stream is a clean end, status 0; a connection that breaks is status 1.
    """

    def __init__(self) -> None:
        self.stdout = Buffer(self._made_room)
        self.stderr = None
        self.asks = None
        self.guard: SmtpGuard | None = None
        self._exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._input_closed = False
        self._cut_off = False  # the end came while something was still to be written
        self._may_write = asyncio.Event()
        self._may_write.set()

    # executable.Executable

    @property
    def stdin(self) -> "SocketInput":
        return SocketInput(self)

    def is_waiting(self) -> bool:
        """Whether the peer's side has taken all; what the service itself does can't be seen from here."""
        if self._transport is None or self._exit.done():
            return False
        connection = self._transport.get_extra_info("socket")
        try:
            held = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
        except OSError:
            return False
        return not self._transport.get_write_buffer_size() and not int.from_bytes(held, sys.byteorder)

    async def wait(self) -> Exit:
        return await asyncio.shield(self._exit)

    def terminate(self) -> None:
        """Close it, after what was written: a service takes that for its client's leave."""
        if self._transport is not None:
            self._transport.close()

    def kill(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        self.kill()
        self._end(Exit(code=1))

    # Its input

    async def write(self, data: bytes | memoryview) -> None:
        """Return when the kernel has taken all of it."""
        if self._input_closed or self._exit.done() or self._transport is None:
            raise BrokenPipeError("the service takes no more")
        if self.guard is not None and not self.guard.permits(data):
            self.close()
            raise BrokenPipeError("the user may not say this to the service")
        self._transport.write(data)
        await self._may_write.wait()
        if self._cut_off:
            raise BrokenPipeError("the service takes no more")

    def close_input(self) -> None:
        """Half a close. TLS as asyncio has it knows none: there the service reads no end of file."""
        if self._input_closed or self._exit.done() or self._transport is None:
            return
        self._input_closed = True
        if self._transport.can_write_eof():
            with contextlib.suppress(OSError):  # it is gone, and will be found so
                self._transport.write_eof()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        # Of asyncio's TLS a high of 0 is reached by nothing at all, and writing would be paused for ever.
        self._transport.set_write_buffer_limits(high=1 if transport.get_extra_info("sslcontext") else 0, low=0)

    def data_received(self, data: bytes) -> None:
        self.stdout.feed(data)
        if self.stdout.is_full and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> None:
        self._end(Exit(code=0 if self._is_whole() else 1))

    def _is_whole(self) -> bool:
        """Whether the peer has said that this is the end. asyncio tells TCP's end of stream as if it were TLS's."""
        tls: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object") if self._transport else None
        if tls is None:
            return True
        try:
            return not tls.read(1)
        except ssl.SSLZeroReturnError:
            return True
        except ssl.SSLError:
            return False

    def connection_lost(self, error: Exception | None) -> None:
        # Without an end of stream before it: broken, or TLS that somebody has cut short (RFC 8446 section 6.1).
        self._end(Exit(code=1))

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def _made_room(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _end(self, how: Exit) -> None:
        if not self._exit.done():
            self._exit.set_result(how)
        self.stdout.feed_end()
        self._cut_off = self._cut_off or not self._may_write.is_set()
        self._may_write.set()


class SocketInput(Writer):
    def __init__(self, connection: Socket) -> None:
        self._connection = connection

    async def write(self, data: bytes | memoryview, /) -> None:
        await self._connection.write(data)

    def close(self) -> None:
        self._connection.close_input()
