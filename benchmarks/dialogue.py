"""One line of a dialogue with /bin/cat, there and back, against the same program on a bare pair of pipes."""

import os
import socket
import subprocess
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.client import connect
from benchmarks.measure import Case, Side
from benchmarks.peers import free_port, running
from benchmarks.trial import Trial
from tests.support import peers

PROGRAM = "/bin/cat"
LINE = b"a line of thirty-two octets, ok."
TAG = b"100"
RECEIVED = 4096


def dialogue(trial: Trial, left_out: Callable[[str], object]) -> list[Case]:
    sides = [Side("bare pipes", on_pipes(trial.stack))]
    socat = peers.find("socat")
    if socat is not None:
        sides.append(Side("socat, plain TCP", on_socket(by_socat(trial.stack, str(socat)), LINE + b"\n")))
    else:
        left_out(peers.missing("socat", "socat"))
    sides.append(Side("EXECUTE, tagged form", on_socket(by_execute(trial), TAG + b" " + LINE + b"\r\n")))
    return [Case("one line of a dialogue and back", sides, batch=20)]


def on_pipes(stack: ExitStack) -> Callable[[], None]:
    process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    stack.callback(process.wait)
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("no pipes")
    stack.enter_context(process.stdout)
    stack.enter_context(process.stdin)
    there, back = process.stdin.fileno(), process.stdout.fileno()
    return lambda: echo(LINE + b"\n", lambda data: os.write(there, data), lambda size: os.read(back, size))


def by_socat(stack: ExitStack, socat: str) -> socket.socket:
    port = free_port()
    stack.enter_context(running(socat, f"TCP-LISTEN:{port},bind=127.0.0.1,nodelay", f"EXEC:{PROGRAM},pipes"))
    return stack.enter_context(connect(("127.0.0.1", port)))


def by_execute(trial: Trial) -> socket.socket:
    connection = trial.client().socket
    connection.sendall(TAG + b" EXECUTE cat\r\n")
    answer = connection.recv(RECEIVED)
    if not answer.startswith(TAG + b" OK [EXECUTING]"):
        raise ConnectionError(answer)
    return connection


def on_socket(connection: socket.socket, line: bytes) -> Callable[[], None]:
    return lambda: echo(line, connection.sendall, connection.recv)


def echo(line: bytes, send: Callable[[bytes], object], receive: Callable[[int], bytes]) -> None:
    send(line)
    answer = receive(RECEIVED)
    while len(answer) < len(line):
        more = receive(RECEIVED)
        if not more:
            raise EOFError(answer)
        answer += more
    if answer != line:
        raise ConnectionError(answer)
