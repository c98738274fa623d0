"""What the kernel says of a process, by proc(5)."""

import time
from collections.abc import Callable
from pathlib import Path


def resident(pid: int) -> int:
    """Octets of memory that it has now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return _state(pid) != "Z"
    except FileNotFoundError:
        return False


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def children(pid: int) -> set[int]:
    """Its children, zombies too."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


def running(argument: str) -> set[int]:
    """Processes that have `argument` in their command line."""
    found = set()
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if argument.encode() in (directory / "cmdline").read_bytes():
                found.add(int(directory.name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def at_rest(pid: int, seconds: float = 0.2) -> bool:
    """Whether it sleeps and has used no processor for so long."""
    used = _stat(pid)[11:13]
    time.sleep(seconds)
    return _state(pid) == "S" and _stat(pid)[11:13] == used


def eventually(condition: Callable[[], object], seconds: float = 10) -> bool:
    """Whether `condition` comes true in so many seconds. For what another process does and nobody tells."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _state(pid: int) -> str:
    return _stat(pid)[0]


def _stat(pid: int) -> list[str]:
    """The fields from the state on; the name before it is in parentheses, and may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
