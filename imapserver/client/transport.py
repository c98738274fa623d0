"""imaplib's connection with a buffer of its own: imaplib lets others override `read`, `readline` and `send`."""

import imaplib
import selectors
import socket
import ssl
from typing import TYPE_CHECKING

from imapserver.client.received import OUTPUT
from imapserver.client.syntax import PIECE

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

LINE = 1024 * 1024
"""Octets of one line of a response; imaplib's own limit."""

NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Transport(imaplib.IMAP4):
    """Neither side may wait for the other to read first: while it sends, it takes what comes."""

    unread = 16 * 1024 * 1024
    """Octets that are kept for who has not read them yet."""

    def _take(self, line: bytes) -> bool:
        """Whether the response that begins with `line` is none of imaplib's; then all of it has been taken."""
        raise NotImplementedError

    def _is_own(self, tag: bytes) -> bool:
        """Whether output of this execution is taken by `_take`."""
        raise NotImplementedError

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self._buffer = bytearray()
        self._pushed = b""
        """A line that has been looked at."""
        self._source: socket.socket | None = None
        super().open(host, port, timeout)

    def readline(self) -> bytes:
        while True:
            line = self._read_line()
            if not self._take(line):
                return line

    def read(self, size: int) -> bytes:
        while len(self._received_octets()) < size:
            if not self._fill():
                raise self.abort("the server closed the connection")
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def send(self, data: "ReadableBuffer") -> None:
        """Send all of it. The server may have to get rid of output before it reads on: that is taken meanwhile."""
        rest = memoryview(data).cast("B")
        while rest:
            sent = self._send_some(rest)
            rest = rest[sent:]
            if rest and not sent:
                self._wait_to_send()

    def _read_line(self) -> bytes:
        """Empty at the end."""
        if self._pushed:
            line, self._pushed = self._pushed, b""
            return line
        scanned = 0
        while True:
            end = self._received_octets().find(b"\n", scanned) + 1
            if end:
                break
            scanned = len(self._buffer)
            if scanned > LINE:
                raise self.error(f"got more than {LINE} bytes")
            if not self._fill():
                end = len(self._buffer)
                break
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line

    def _received_octets(self) -> bytearray:
        if self._source is not self.sock:
            # After STARTTLS: what came before it in plain text was not said by the server.
            self._buffer.clear()
            self._source = self.sock
        return self._buffer

    def _fill(self) -> bool:
        try:
            data = self.sock.recv(65536)
        except ConnectionError as error:
            raise self.abort(f"the connection is lost: {error}") from error
        self._received_octets().extend(data)
        return bool(data)

    def _send_some(self, data: memoryview) -> int:
        timeout = self.sock.gettimeout()
        self.sock.settimeout(0)
        try:
            return self.sock.send(data[:PIECE])
        except NOT_NOW:
            return 0
        except ConnectionError as error:
            raise self.abort(f"the connection is lost: {error}") from error
        finally:
            self.sock.settimeout(timeout)

    def _wait_to_send(self) -> None:
        """Return when more can be sent; meanwhile take what comes."""
        timeout = self.sock.gettimeout()
        room = len(self._received_octets()) < self.unread
        with selectors.DefaultSelector() as selector:
            selector.register(self.sock, selectors.EVENT_WRITE | (selectors.EVENT_READ if room else 0))
            ready = selector.select(timeout)
        if not ready:
            raise TimeoutError("the server takes no more")
        if ready[0][1] & selectors.EVENT_READ:
            self.sock.settimeout(0)
            try:
                if not self._fill():
                    raise self.abort("the server closed the connection")
            except NOT_NOW:
                pass
            finally:
                self.sock.settimeout(timeout)
            self._take_whole()

    def _take_whole(self) -> None:
        """Take the output that has come whole: it must not grow beyond its own bounds here."""
        while end := self._buffer.find(b"\n") + 1:
            head = OUTPUT.fullmatch(self._buffer[:end])
            size = end + int(head[3]) + len(b")\r\n") if head else 0
            if head is None or not self._is_own(head[1]) or len(self._buffer) < size:
                return
            self._take(self._read_line())
