import asyncio
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop

from commands.attempt import Accepted, Attempt
from commands.rulebook.snapshot import VerbEntry

PROGRAMS = Path(__file__).parents[2] / "support" / "programs"

ABOUT = ("username", "tag", "mailbox", "remote_addr", "tls")

Accept = Callable[..., Accepted]

uvloop.new_event_loop().close()  # the first one opens a pipe that is never closed: libuv's, for signals


def pytest_asyncio_loop_factories(config, item):
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return settings.DATA_DIR


@pytest_asyncio.fixture(autouse=True)
async def _nothing_is_left() -> AsyncIterator[None]:
    """No test may leave a pipe, a pidfd, a child or a zombie. Inside the loop, which has descriptors of its own."""
    before = descriptors() | children()
    yield
    assert descriptors() | children() <= before


def descriptors() -> set[str]:
    """The pipes and pidfds that this process has open."""
    return {fd for fd in map(_describe, Path("/proc/self/fd").iterdir()) if "pipe" in fd or "pidfd" in fd}


def _describe(fd: Path) -> str:
    try:
        return f"{fd.name} {fd.readlink()}"
    except FileNotFoundError:  # the one that listed them
        return ""


def children() -> set[str]:
    pid = os.getpid()
    return {f"child {child}" for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


@pytest.fixture
def accept() -> Accept:
    """Makes what authorization gives: `accept("exits", "3", time_limit=1)`, a program of tests/support by its name."""

    def make(program: str, *arguments: str | bytes, **fields) -> Accepted:
        about = {
            name: fields.pop(name) for name in ("username", "tag", "mailbox", "remote_addr", "tls") if name in fields
        }
        defaults = {
            "id": 1,
            "name": "test",
            "description": "",
            "mode": "one-shot",
            "kind": "program",
            "argv": (),
            "environment": {},
            "changes_mail": False,
            "send_stderr": False,
            "time_limit": 30,
            "idle_limit": 30,
            "output_limit": 2**30,
            "input_limit": 2**30,
            "signatures": (),
        }
        return Accepted(
            execution_id=uuid.uuid4(),
            attempt=Attempt(**({"user_id": 7, "username": "ann"} | about), verb="test", arguments=(), door="test"),
            verb=VerbEntry(**(defaults | fields)),
            argv=tuple(os.fsencode(element) for element in (PROGRAMS / program, *arguments)),
            revision=1,
            started=time.monotonic(),
        )

    return make


@pytest.fixture
def to_be_killed() -> Iterator[set[int]]:
    """Ids of processes that the test lets escape."""
    pids: set[int] = set()
    yield pids
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


async def until_gone(pid: int) -> None:
    """Wait for the end of a process that is not our child. A zombie that its parent has not reaped yet has ended."""
    async with asyncio.timeout(5):
        while is_running(pid):
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"
