"""The kind `program`: a process in a session of its own, spoken to through three pipes.

Spawned by `os.posix_spawn`, never by fork: copying a large server's page tables takes 12 times as long. Waited for on a
pidfd: asyncio's own `Process.wait()` can hang on a pipe that a grandchild holds. Never through a shell.
"""

import asyncio
import contextlib
import os
import select
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from commands.attempt import Accepted
from commands.execution.environment import build_environment, make_home
from commands.execution.executable import ExecutableUnavailable, Exit
from commands.execution.pipes import PipeReader, PipeWriter
from commands.programfile import check_program

_End = TypeVar("_End", PipeReader, PipeWriter)

# Program and client work at the same time: up to twice as fast as with the usual 64 KiB. Not 1 MiB, hardly faster: 64
# executions would use up what a user may have in pipes (pipe-user-pages-soft of pipe(7)), and any further pipe would
# be a page or two.
OUTPUT_PIPE = 256 * 1024

# Python ignores SIGPIPE and SIGXFSZ, and what is ignored stays so over an exec: `yes | head` would never end.
_DEFAULT_SIGNALS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


async def start_program(accepted: Accepted) -> "Program":
    """The secret arguments are the first lines of its input.

    Its file is looked at each time (30 µs): what has changed since the verb was saved is refused. Between that and the
    spawn nobody can put another one there who could not have done so before: that is what is looked for.
    """
    secrets = b"".join(secret + b"\n" for secret in accepted.match.secrets)
    if len(secrets) > select.PIPE_BUF:  # more than any pipe takes at once, so it would be waited for without a limit
        raise ExecutableUnavailable("more secret arguments than a pipe takes at once")
    try:
        check_program(os.fsdecode(accepted.argv[0]))
        program = spawn(accepted.argv, build_environment(accepted, make_home(accepted.attempt.user_id)))
    except (OSError, ValueError) as error:  # ValueError: a NUL, an unsafe file
        raise ExecutableUnavailable(f"{os.fsdecode(accepted.argv[0])}: {error}") from error
    with contextlib.suppress(BrokenPipeError):  # it reads none
        await program.stdin.write(secrets)
    return program


def spawn(argv: tuple[bytes, ...], environment: Mapping[bytes, bytes]) -> "Program":
    """Start it. OSError if that can't be done; then nothing is left open."""
    with ExitStack() as theirs, ExitStack() as ours:
        stdin, stdin_fd = _open(PipeWriter, theirs, ours)
        stdout, stdout_fd = _open(PipeReader, theirs, ours)
        stderr, stderr_fd = _open(PipeReader, theirs, ours)
        stdout.enlarge(OUTPUT_PIPE)
        pid = os.posix_spawn(
            argv[0],
            argv,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, stdin_fd, 0),
                (os.POSIX_SPAWN_DUP2, stdout_fd, 1),
                (os.POSIX_SPAWN_DUP2, stderr_fd, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULT_SIGNALS,
        )
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        ours.pop_all()
        return Program(pid, pidfd, stdin, stdout, stderr)


def _open(kind: type[_End], theirs: ExitStack, ours: ExitStack) -> tuple[_End, int]:
    """An end of a new pipe, to be closed with `ours`, and the program's descriptor, closed with `theirs`."""
    end, fd = kind.open()
    theirs.callback(os.close, fd)
    ours.callback(end.close)
    return end, fd


class Program:
    """A running program; the contract is executable.Executable's.

    Its process group is killed when the leader has ended and before it is reaped: as long as it is a zombie, nobody
    else can get the group's number. What has left the group (setsid) escapes, but can't hold up the end of output.
    """

    def __init__(self, pid: int, pidfd: int, stdin: PipeWriter, stdout: PipeReader, stderr: PipeReader) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.asks = None
        self._pidfd = pidfd
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[Exit] = self._loop.create_future()
        self._loop.add_reader(pidfd, self._leader_ended)

    async def wait(self) -> Exit:
        return await asyncio.shield(self._exit)

    def is_waiting(self) -> bool:
        return not self.stdin.unread and self._sleeps()

    def _sleeps(self) -> bool:
        try:
            status = Path(f"/proc/{self.pid}/stat").read_bytes()
        except OSError:
            return False
        # Behind the name, which may hold anything (proc(5)): the state; S waits for something that may never come.
        return status.rpartition(b") ")[2].startswith(b"S")

    def terminate(self) -> None:
        self._signal_group(signal.SIGTERM)

    def kill(self) -> None:
        self._signal_group(signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        self.stdin.close()
        self.stdout.close()
        self.stderr.close()

    def _signal_group(self, number: signal.Signals) -> None:
        if not self._exit.done():
            with contextlib.suppress(PermissionError):  # one that has changed its user
                os.killpg(self.pid, number)

    def _leader_ended(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self.kill()
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._pidfd)
        self.stdin.close()
        self.stdout.finish()
        self.stderr.finish()
        self._exit.set_result(Exit(signal=-code) if code < 0 else Exit(code=code))
