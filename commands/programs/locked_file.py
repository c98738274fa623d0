# pathlib and typing would cost more than all else that a program of this size does at its start.
# ruff: noqa: PTH105, PTH108, PTH120, PTH123
"""One small file of one user, changed by one process at a time and never seen half written."""

import fcntl
import os
from collections.abc import Callable


def read_file(path: str) -> bytes | None:
    """The file's bytes, None if there is no file. Needs no lock: a change is one rename. Raises OSError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def change_file(path: str, edit: Callable[[bytes | None], bytes | None]) -> None:
    """Put what `edit` makes of the file's bytes (None: no file yet) in their place; None leaves it as it is.

    Other changes wait meanwhile. What `edit` raises comes out, the file untouched. Raises OSError. Mode 0600.
    """
    # A lock on the file itself would stay with the one that is renamed over.
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        data = edit(read_file(path))
        if data is not None:
            _replace(path, data)
    finally:
        os.close(lock)


def _replace(path: str, data: bytes) -> None:
    new = f"{path}.new"
    try:
        _write(new, data)
        os.replace(new, path)
    except OSError:
        _unlink(new)  # on a full disk half a file would be in the way of all others
        raise
    directory = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)  # or a power cut could undo what the client was told is done
    finally:
        os.close(directory)


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # one left by a crash may have another mode
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
