"""Programs that run beside the server for the time of a case, and where they listen."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.client import connect

START_SECONDS = 10
BETWEEN_TRIES = 0.02


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(*argv: str | Path) -> Iterator[None]:
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def connect_soon(address: tuple[str, int]) -> socket.socket:
    """Connect to what has just been told to listen there."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return connect(address)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(BETWEEN_TRIES)
