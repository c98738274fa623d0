"""A Dovecot master process and the group of its children."""

import asyncio
import contextlib
import os
import select
import signal
from pathlib import Path

TERMINATE_SECONDS = 5.0
GROUP_SECONDS = 1.0


class Master:
    """A running master: leader of its own process group, our child or left over from a server that was killed."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._pidfd, self._note_exit)

    @classmethod
    def spawn(cls, argv: list[str], output: Path) -> "Master":
        """Start it. What it says before its log is open goes to the end of `output`. Raises OSError."""
        keep = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}
        pid = os.posix_spawn(
            argv[0],
            argv,
            keep,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            # Ctrl-C at the terminal is the server's: it drains first, and then ends Dovecot.
            setsid=True,
        )
        return cls(pid)

    @classmethod
    def find(cls, pid: int, configuration: Path) -> "Master | None":
        """Return the master that runs as `pid`, if that is one of this configuration file."""
        try:
            master = cls(pid)  # the pidfd first: after it the number can't come to mean another process
        except OSError:
            return None
        with contextlib.suppress(OSError):
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if os.fsencode(configuration) in arguments:
                return master
        master._forget()
        return None

    @property
    def gone(self) -> bool:
        """Whether it has ended, even if the event loop has not heard of it yet."""
        if self._gone.is_set():
            return True
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    async def wait(self) -> None:
        """Return when the master has ended. Its children, if it left any, have been killed by then."""
        await self._gone.wait()
        # A killed process may hold its sockets for a moment yet. Bounded: nobody may be there to reap it.
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            async with asyncio.timeout(GROUP_SECONDS):
                while True:
                    os.killpg(self.pid, 0)
                    await asyncio.sleep(0.01)

    async def end(self) -> None:
        """TERM, after 5 s KILL; return when the whole group is gone. May be called more than once."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(TERMINATE_SECONDS):
                await self.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.wait()

    def _signal(self, number: int) -> None:
        if not self._gone.is_set():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _note_exit(self) -> None:
        # Before the master is reaped, while its number still names this group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):  # a left-over one is not our child
            os.waitpid(self.pid, 0)
        self._forget()
        self._gone.set()

    def _forget(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
