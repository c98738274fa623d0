"""Looking at processes, as /proc shows them."""

import os
import select
from pathlib import Path


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


def wait_for_exit(pid: int) -> None:
    """Return when a process that is not our child has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([pidfd], [], [], 10)[0], f"process {pid} is still there"
    finally:
        os.close(pidfd)
