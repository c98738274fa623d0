"""The sockets of the whole server: what is refused or too much, and that an open one keeps it not from stopping."""

import base64
import json
import os
import re
import socket
import struct
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from tests.support.server import Server, address

CUT_OFF = 1006  # RFC 6455 section 7.4.1: no close frame came
TEXT, CLOSE, PING = 1, 8, 9


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("sockets"), SECOND_FACTOR="off")
    server.prepare()
    yield server
    server.close()


class RawWebSocket:
    """A client of RFC 6455 that sends what it is told to."""

    def __init__(self, web: str, path: str, cookie: str = "", origin: str | None = None) -> None:
        host = web.removeprefix("http://")
        self._socket = socket.create_connection(address(host), timeout=10)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            f"Origin: {web if origin is None else origin}",
            f"Cookie: {cookie}",
        ]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._stream = self._socket.makefile("rb")
        self.status = int(self._stream.readline().split()[1])
        while self._stream.readline() not in (b"\r\n", b""):
            pass

    def send(self, data: bytes) -> None:
        start = 0x80 | TEXT
        short = struct.pack("!BB", start, 0x80 | len(data) & 0x7F)
        length = short if len(data) < 126 else struct.pack("!BBQ", start, 0x80 | 127, len(data))
        try:
            self._socket.sendall(length + bytes(4) + data)  # a mask of zeros changes nothing
        except OSError:
            pass  # it has heard enough

    def receive(self) -> tuple[int, bytes] | None:
        """Opcode and data of the next frame that is no ping; None: there are no more."""
        try:
            head = self._stream.read(2)
            if len(head) < 2:
                return None
            size = head[1] & 0x7F
            if size > 125:
                size = int.from_bytes(self._stream.read(2 if size == 126 else 8), "big")
            data = self._stream.read(size)
        except ConnectionResetError:
            return None
        return self.receive() if head[0] & 0x0F == PING else (head[0] & 0x0F, data)

    def close_code(self) -> int:
        while frame := self.receive():
            if frame[0] == CLOSE:
                return int.from_bytes(frame[1][:2], "big")
        return CUT_OFF

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


def log_in(web: str) -> str:
    """The Cookie header of the demo's admin."""
    http = HTTPConnection(web.removeprefix("http://"), timeout=20)
    http.request("GET", "/admin/login/")
    page = http.getresponse()
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page.read().decode())
    assert token is not None
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": web, "Cookie": cookies(page.headers)}
    fields = {"csrfmiddlewaretoken": token[1], "username": "admin", "password": "admin", "next": "/admin/"}
    http.request("POST", "/admin/login/", urlencode(fields), headers)
    answer = http.getresponse()
    answer.read()
    http.close()
    assert answer.status == 302
    return cookies(answer.headers)


def cookies(headers: object) -> str:
    found: list[str] = headers.get_all("Set-Cookie", [])  # type: ignore[attr-defined]
    return "; ".join(each.partition(";")[0] for each in found)


def test_sockets_of_a_server_that_runs_and_then_stops(server: Server) -> None:
    with server.running("--engine", "none"):
        assert server.web is not None
        cookie = log_in(server.web)
        refused = [
            RawWebSocket(server.web, "/ws/live/"),
            RawWebSocket(server.web, "/ws/live/", cookie, "http://evil.example"),
            RawWebSocket(server.web, "/ws/nothing/", cookie),
        ]
        assert [each.status for each in refused] == [403] * 3
        large = RawWebSocket(server.web, "/ws/live/", cookie)
        assert large.status == 101
        large.send(b" " * 10_000_000)
        assert large.close_code() == CUT_OFF
        flood = RawWebSocket(server.web, "/ws/watch/00000000-0000-0000-0000-000000000001/", cookie)
        for _ in range(1000):
            flood.send(b'{"shown": 0}')
        assert flood.close_code() == 4429
        opened = RawWebSocket(server.web, "/ws/live/", cookie)
        frame = opened.receive()
        assert frame is not None
        assert (frame[0], json.loads(frame[1])["whole"]) == (TEXT, True)
    for each in (*refused, large, flood, opened):
        each.close()
    assert "Traceback" not in server.logged()
