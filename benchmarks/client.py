"""A client that costs next to nothing: a blocking socket, one command at a time, and no parsing."""

import socket
import ssl
import time

USERNAME = PASSWORD = "demo"

PATIENCE = 60
"""Seconds for one answer: only something that hangs takes so long."""

START_SECONDS = 10
BETWEEN_TRIES = 0.02

# Longer than any tagged response here; the longest has the capabilities.
TAIL = 2048


class Client:
    """An IMAP connection, logged in. With `tls` it begins with a handshake."""

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        connection = connect(address)
        self.socket = tls.wrap_socket(connection, server_hostname=address[0]) if tls else connection
        self._buffer = bytearray(256 * 1024)
        self._count = 0
        greeting = self.socket.recv(TAIL)
        if not greeting.startswith(b"* OK"):
            raise ConnectionError(greeting)
        self.command(f"LOGIN {USERNAME} {PASSWORD}".encode())

    def command(self, text: bytes) -> int:
        """Send a command and read to its tagged OK. Returns how many octets came, without that line."""
        self._count += 1
        tag = b"b%d" % self._count
        self.socket.sendall(b"%b %b\r\n" % (tag, text))
        octets = 0
        tail = b"\n"
        while True:
            size = self.socket.recv_into(self._buffer)
            if not size:
                raise EOFError(tail)
            octets += size
            tail = (tail + self._buffer[max(0, size - TAIL) : size])[-TAIL:]
            # One command at a time: its tagged response is the last that comes.
            last = tail.rfind(b"\n", 0, -1) + 1
            if tail.startswith(tag + b" ", last) and tail.endswith(b"\r\n"):
                if not tail.startswith(tag + b" OK", last):
                    raise ConnectionError(tail[last:])
                return octets - len(tail) + last

    def log_out(self) -> None:
        """Return when the other end has closed."""
        self.command(b"LOGOUT")
        while self.socket.recv(TAIL):
            pass
        self.socket.close()


def connect(address: tuple[str, int]) -> socket.socket:
    """Connect, also to a program that has just been started to listen there."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            connection = socket.create_connection(address, timeout=PATIENCE)
            break
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(BETWEEN_TRIES)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
