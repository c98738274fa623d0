"""A listener in front of a server that writes down what either side says."""

import contextlib
import re
import socket
import threading
from dataclasses import dataclass, field

TAG = rb"[A-Za-z]*[0-9]+"
LOGIN = re.compile(rb"^(" + TAG + rb") (?:LOGIN|AUTHENTICATE)\b", re.IGNORECASE | re.MULTILINE)
# What may differ from run to run on one and the same server.
VARIABLE = re.compile(
    rb"^" + TAG + rb"(?= )|(?<=UIDVALIDITY )\d+|(?<=APPENDUID )\d+|(?<=COPYUID )\d+|\(0\.\d{3} \+ [^)]*\)",
    re.MULTILINE,
)
CAPABILITY = re.compile(rb"^\* CAPABILITY .*\n|^#.*CAPABILITY.*\n", re.MULTILINE | re.IGNORECASE)


@dataclass
class Conversation:
    client: bytearray = field(default_factory=bytearray)
    server: bytearray = field(default_factory=bytearray)

    def after_login(self) -> tuple[str, str]:
        """What each side said after the login, without what differs from run to run, and without CAPABILITY."""
        login = LOGIN.search(self.client)
        if login is None:
            return "", ""
        answered = re.search(rb"^" + login[1] + rb" OK.*\n", self.server, re.MULTILINE)
        assert answered, bytes(self.server)
        said = re.compile(rb"\n").search(self.client, login.end())
        assert said, bytes(self.client)
        return comparable(self.client[said.end() :]), comparable(self.server[answered.end() :])


def comparable(data: bytes | bytearray) -> str:
    return CAPABILITY.sub(b"", VARIABLE.sub(b"#", data)).decode("ascii", "backslashreplace")


class Tap:
    """`address` is where to connect instead of `target`. Close it when the client is done."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self.conversations: list[Conversation] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> "Tap":
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would not wake who waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(15)
            assert not thread.is_alive(), "the client has not closed its connection, or the server not its own"
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            conversation = Conversation()
            self.conversations.append(conversation)
            carrier = threading.Thread(target=self._carry, args=(client, conversation))
            self._threads.append(carrier)
            carrier.start()

    def _carry(self, client: socket.socket, conversation: Conversation) -> None:
        with client, socket.create_connection(self._target) as server:
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=_copy, args=(server, client, conversation.server))
            back.start()
            _copy(client, server, conversation.client)
            back.join()


def _copy(source: socket.socket, target: socket.socket, record: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            record += data
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
