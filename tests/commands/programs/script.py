"""Run the console scripts as a server does: real processes, nothing of our environment."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DEADLINE = 60


def start(
    name: str, *arguments: str | bytes, home: Path, under: Sequence[str] = (), **variables: str
) -> subprocess.Popen[bytes]:
    """`under`: a program, with its arguments, that starts the script in some other state."""
    environment = {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "IMAPX_USER": "demo",
        **variables,
    }
    argv: list[Any] = [*under, str(Path(sys.executable).parent / name), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, env=environment, cwd=home, stdin=pipe, stdout=pipe, stderr=pipe)


def run(
    name: str, *arguments: str | bytes, home: Path, given: bytes = b"", under: Sequence[str] = (), **variables: str
) -> tuple[int, bytes, bytes]:
    """Exit status, standard output, standard error."""
    with start(name, *arguments, home=home, under=under, **variables) as process:
        try:
            output, errors = process.communicate(given, timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, output, errors
