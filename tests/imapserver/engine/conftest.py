import asyncio
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from imapserver.engine.private_dovecot import PrivateDovecot
from tests.support.peers import require


@pytest.fixture
def data_dir():
    """A directory that the user whose the mail is can pass: pytest's own is for its owner alone."""
    require("dovecot", "dovecot-imapd")
    path = Path(tempfile.mkdtemp(prefix="imapx-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def engine(data_dir):
    engine = PrivateDovecot(data_dir)
    await engine.start()
    yield engine
    await engine.stop()


class Mail(asyncio.Protocol):
    """A mail client on a connection that the engine gave."""

    def __init__(self, connection):
        self.transport = connection.transport
        self._reader = asyncio.StreamReader()
        connection.attach(self)

    def data_received(self, data):
        self._reader.feed_data(data)

    def connection_lost(self, exc):
        self._reader.feed_eof()

    async def run(self, command: bytes) -> bytes:
        """Send a command; return all that is said up to its tagged response."""
        self.transport.write(b"T " + command + b"\r\n")
        said = b""
        async with asyncio.timeout(10):
            while not said.rpartition(b"\r\n")[0].rpartition(b"\r\n")[2].startswith(b"T "):
                line = await self._reader.readline()
                assert line, f"the engine closed the connection after {said!r}"
                said += line
        return said

    async def ended(self) -> None:
        async with asyncio.timeout(10):
            await self._reader.read()


@pytest.fixture
async def mail_of(engine):
    """Logs a user in and returns the Mail."""
    open_ones = []

    async def log_in(username):
        mail = Mail(await engine.open(username))
        open_ones.append(mail)
        return mail

    yield log_in
    for mail in open_ones:
        mail.transport.abort()


def children_of(pid: int) -> set[int]:
    """The pids of all processes below `pid`."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has just ended
    found, new = set(), {pid}
    while new := {child for child, parent in parents.items() if parent in new} - found:
        found |= new
    return found


def running(pid: int) -> bool:
    """Whether this process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def master_pid(data_dir: Path) -> int:
    return int((data_dir / "engine" / "master.pid").read_text())


async def wait_for_exit(pid: int) -> None:
    """Return when a process that is not our child has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(pidfd, gone.set)
    try:
        await asyncio.wait_for(gone.wait(), 10)
    finally:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
