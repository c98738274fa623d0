"""A program's output of 64 MiB, from its start to its end, against the same program on a bare pipe."""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks.client import Client, connect
from benchmarks.dialogue import open_websocket
from benchmarks.measure import Case, Side
from benchmarks.peers import free_port, running
from benchmarks.trial import ZEROS, Trial
from tests.support import peers

SIZE = 64 * 1024 * 1024
BUFFER = bytearray(256 * 1024)


def output(trial: Trial, left_out: Callable[[str], object]) -> list[Case]:
    sides = [Side("bare pipe", on_pipe)]
    socat = peers.find("socat")
    if socat is not None:
        sides.append(by_socat(trial, socat, "socat, plain TCP"))
        sides.append(by_socat(trial, socat, "socat, told to take 64 KiB at a time", "-b65536"))
    else:
        left_out(peers.missing("socat", "socat"))
    websocketd = peers.find("websocketd")
    if websocketd is not None:
        port_of_websocketd = free_port()
        options = ("--address=127.0.0.1", f"--port={port_of_websocketd}", "--loglevel=error", "--binary")
        trial.stack.enter_context(running(websocketd, *options, *ZEROS))
        sides.append(Side("websocketd, binary", lambda: drain(open_websocket(port_of_websocketd))))
    else:
        left_out(peers.missing("websocketd", "websocketd"))
    client = trial.opened(Client(trial.server.imap))
    sides.append(Side("EXECUTE, framed form", lambda: at_least(client.command(b"EXECUTE (FRAMED) zeros"))))
    return [Case("64 MiB of a program's output", sides)]


def by_socat(trial: Trial, socat: str | Path, name: str, *options: str) -> Side:
    port = free_port()
    listen = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,nodelay"
    trial.stack.enter_context(running(socat, *options, listen, f"EXEC:{' '.join(ZEROS)},pipes"))
    connect(("127.0.0.1", port)).close()
    return Side(name, lambda: drain(connect(("127.0.0.1", port))))


def on_pipe() -> None:
    with subprocess.Popen(ZEROS, stdout=subprocess.PIPE, bufsize=0) as process:
        if process.stdout is None:
            raise RuntimeError("no pipe")
        octets = 0
        while size := process.stdout.readinto(BUFFER):
            octets += size
    at_least(octets)


def drain(connection: socket.socket) -> None:
    """Read so many octets: framing, if there is any, is not looked at. Not to the end: socat waits before it closes."""
    with connection:
        octets = 0
        while octets < SIZE and (size := connection.recv_into(BUFFER)):
            octets += size
    at_least(octets)


def at_least(octets: int) -> None:
    if octets < SIZE:
        raise ConnectionError(f"{octets} octets came")
