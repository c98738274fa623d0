"""One line of a dialogue with /bin/cat, there and back, against the same program on a bare pair of pipes."""

import base64
import os
import socket
import subprocess
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.client import Client, connect
from benchmarks.measure import Case, Side
from benchmarks.peers import free_port, running
from benchmarks.trial import Trial
from tests.support import peers

PROGRAM = "/bin/cat"
LINE = b"a line of thirty-two octets, ok."
LINE_FEED = LINE + b"\n"
TAG = b"100"
RECEIVED = 4096


def dialogue(trial: Trial, left_out: Callable[[str], object]) -> list[Case]:
    sides = [Side("bare pipes", on_pipes(trial.stack))]
    socat = peers.find("socat")
    if socat is not None:
        sides.append(Side("socat, plain TCP", on_socket(by_socat(trial.stack, str(socat)), LINE_FEED, LINE_FEED)))
    else:
        left_out(peers.missing("socat", "socat"))
    websocketd = peers.find("websocketd")
    if websocketd is not None:
        connection = by_websocketd(trial.stack, str(websocketd))
        sides.append(Side("websocketd, plain TCP", on_socket(connection, frame(LINE, masked=True), frame(LINE))))
    else:
        left_out(peers.missing("websocketd", "websocketd"))
    line = TAG + b" " + LINE + b"\r\n"
    sides.append(Side("EXECUTE, tagged form", on_socket(by_execute(trial), line, line)))
    return [Case("one line of a dialogue and back", sides, batch=20)]


def on_pipes(stack: ExitStack) -> Callable[[], None]:
    process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    stack.callback(process.wait)
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("no pipes")
    stack.enter_context(process.stdout)
    stack.enter_context(process.stdin)
    there, back = process.stdin.fileno(), process.stdout.fileno()
    return lambda: echo(LINE_FEED, LINE_FEED, lambda data: os.write(there, data), lambda size: os.read(back, size))


def by_socat(stack: ExitStack, socat: str) -> socket.socket:
    port = free_port()
    stack.enter_context(running(socat, f"TCP-LISTEN:{port},bind=127.0.0.1,nodelay", f"EXEC:{PROGRAM},pipes"))
    return stack.enter_context(connect(("127.0.0.1", port)))


def by_websocketd(stack: ExitStack, websocketd: str) -> socket.socket:
    port = free_port()
    stack.enter_context(running(websocketd, "--address=127.0.0.1", f"--port={port}", "--loglevel=error", PROGRAM))
    return stack.enter_context(open_websocket(port))


def open_websocket(port: int) -> socket.socket:
    connection = connect(("127.0.0.1", port))
    key = base64.b64encode(bytes(16)).decode()
    connection.sendall(
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    answer = connection.recv(RECEIVED)
    if not answer.startswith(b"HTTP/1.1 101 ") or b"\r\n\r\n" not in answer:
        raise ConnectionError(answer)
    return connection


def frame(text: bytes, *, masked: bool = False) -> bytes:
    """A short text frame of WebSocket (RFC 6455 section 5.2), with a mask of zeros: to mask is the client's work."""
    return bytes([0x81, masked << 7 | len(text)]) + bytes(4) * masked + text


def by_execute(trial: Trial) -> socket.socket:
    connection = trial.opened(Client(trial.server.imap)).socket
    connection.sendall(TAG + b" EXECUTE cat\r\n")
    answer = connection.recv(RECEIVED)
    if not answer.startswith(TAG + b" OK [EXECUTING]"):
        raise ConnectionError(answer)
    return connection


def on_socket(connection: socket.socket, line: bytes, answer: bytes) -> Callable[[], None]:
    return lambda: echo(line, answer, connection.sendall, connection.recv)


def echo(line: bytes, answer: bytes, send: Callable[[bytes], object], receive: Callable[[int], bytes]) -> None:
    send(line)
    came = receive(RECEIVED)
    while len(came) < len(answer):
        more = receive(RECEIVED)
        if not more:
            raise EOFError(came)
        came += more
    if came != answer:
        raise ConnectionError(came)
