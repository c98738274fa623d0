"""Where a program finds itself: its variables and home, and what it inherits from the server's own process."""

import contextlib
import os
import signal
from pathlib import Path

from django.conf import settings

from commands.attempt import Accepted

PATH = "/usr/local/bin:/usr/bin:/bin"


def build_environment(accepted: Accepted, home: Path) -> dict[bytes, bytes]:
    """All variables of a program (docs/execute.md), from nothing: none of the server's own but TZ."""
    attempt = accepted.attempt
    variables = {"LANG": "C.UTF-8"}
    if "TZ" in os.environ:
        variables["TZ"] = os.environ["TZ"]
    variables |= accepted.verb.environment  # before the names below: those it can't change
    variables |= {
        "PATH": PATH,
        "HOME": str(home),
        "IMAPX_USER": attempt.username,
        "IMAPX_VERB": accepted.verb.name,
        "IMAPX_EXECUTION": str(accepted.execution_id),
        "IMAPX_TAG": attempt.tag,
        "IMAPX_MAILBOX": attempt.mailbox,
        "IMAPX_REMOTE_ADDR": attempt.remote_addr or "",
        "IMAPX_TLS": "1" if attempt.tls else "0",
    }
    if accepted.uid is not None:
        variables["IMAPX_UID"] = str(accepted.uid)
    if attempt.input_size is not None:
        variables["IMAPX_INPUT_SIZE"] = str(attempt.input_size)
    return {name.encode(): value.encode("utf-8", "surrogateescape") for name, value in variables.items()}


def make_home(user_id: int) -> Path:
    """The user's own directory, made on first use. By id: a name may hold `/`, and may be given to somebody else."""
    home = Path(settings.DATA_DIR, "homes", str(user_id))
    try:
        home.mkdir(mode=0o700)
    except FileExistsError:  # asked first, since it is so for each EXECUTE but one
        pass
    except FileNotFoundError:
        home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
    return home


def prepare_process() -> None:
    """Make this process one that programs may inherit from. A serving command calls it once, before anything runs.

    `posix_spawn` can set neither umask nor working directory and can't close a range of descriptors, so the whole
    server has those that a program is to have: umask 077, an empty directory, no descriptor past standard error.
    """
    empty = Path(settings.DATA_DIR, "empty")
    empty.mkdir(mode=0o500, parents=True, exist_ok=True)
    os.chdir(empty)
    os.umask(0o077)
    # Else a pipe would get one of these numbers, and be overwritten while it is handed on.
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)
    for name in [entry.name for entry in Path("/dev/fd").iterdir()]:
        if int(name) > 2:
            with contextlib.suppress(OSError):  # the one that listed them is closed by now
                os.set_inheritable(int(name), False)
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, the kernel would reap programs before we do
