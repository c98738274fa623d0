"""An IMAP server that says what a test has written down, and keeps all that it is told."""

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PATIENCE = 15

COMMAND = re.compile(rb"^([A-Za-z0-9.]+) [A-Z]", re.MULTILINE)

READY = b"* OK [CAPABILITY IMAP4rev1 ID AUTH=PLAIN SASL-IR AUTH=OAUTHBEARER AUTH=XOAUTH2] ready\r\n"
LOGGED_IN = b"{tag} OK [CAPABILITY IMAP4rev1 IDLE] logged in\r\n"


@dataclass
class Peer:
    """The engine's side of one connection."""

    connection: socket.socket
    told: bytearray = field(default_factory=bytearray)
    """All that it was told."""
    _heard: int = 0
    """Of it, by the script."""

    def say(self, data: bytes) -> None:
        """`{tag}` stands for the tag of the last command."""
        tags = COMMAND.findall(self.told, 0, self._heard)
        self.connection.sendall(data.replace(b"{tag}", tags[-1]) if b"{tag}" in data else data)

    def hear(self) -> bytes:
        """The next line without its end. EOFError once the other side has closed."""
        while (end := self.told.find(b"\r\n", self._heard)) < 0:
            data = self.connection.recv(65536)
            if not data:
                raise EOFError
            self.told += data
        line = bytes(self.told[self._heard : end])
        self._heard = end + 2
        return line

    @property
    def lines(self) -> list[bytes]:
        return bytes(self.told).split(b"\r\n")[:-1]

    def hear_all(self) -> None:
        """Until the other side closes."""
        while True:
            self.hear()

    def encrypt(self, context: ssl.SSLContext) -> None:
        # Named before it waits for the other side, so that close() finds it.
        self.connection = context.wrap_socket(self.connection, server_side=True, do_handshake_on_connect=False)
        self.connection.do_handshake()

    def log_in(self) -> None:
        """Greet, and let in whoever comes."""
        self.say(READY)
        while not self.hear().split(b" ")[1].startswith(b"AUTHENTICATE"):
            self.say(b"{tag} OK done\r\n")
        self.say(LOGGED_IN)

    def close(self) -> None:
        # Closing alone would not wake who waits in recv().
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


class ScriptedEngine:
    """Runs `script` for each connection; `address` is where, `peers` are the connections that came."""

    def __init__(self, script: Callable[[Peer], None], *, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self.peers: list[Peer] = []
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> "ScriptedEngine":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.stop()
        if self._failures and kind is None:
            raise self._failures[0]

    @property
    def url(self) -> str:
        return f"{'imaps' if self._tls else 'imap'}://localhost:{self.address[1]}"

    @property
    def said(self) -> bytes:
        """All that it was told, on all connections."""
        return b"".join(peer.told for peer in self.peers)

    def wait_for_end(self, connections: int = 1) -> None:
        """Return when so many connections have come and all have ended."""
        deadline = time.monotonic() + PATIENCE
        while len(self._threads) <= connections or any(thread.is_alive() for thread in self._threads[1:]):
            assert time.monotonic() < deadline, f"{len(self.peers)} connections, not ended: {self.said!r}"
            time.sleep(0.01)

    def stop(self) -> None:
        """Close the listener and all connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._join(self._threads[0])
        for peer in self.peers:
            peer.close()
        for thread in self._threads:
            self._join(thread)
        self._listener.close()

    @staticmethod
    def _join(thread: threading.Thread) -> None:
        thread.join(PATIENCE)
        assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(connection)
            self.peers.append(peer)
            thread = threading.Thread(target=self._play, args=(peer,))
            self._threads.append(thread)
            thread.start()

    def _play(self, peer: Peer) -> None:
        try:
            if self._tls is not None:
                peer.encrypt(self._tls)
            self._script(peer)
        except (EOFError, OSError):  # the other side does not want to go on: for the test to judge
            pass
        except BaseException as error:  # a thread's failure is the test's
            self._failures.append(error)
        finally:
            peer.close()
