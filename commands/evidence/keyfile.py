"""The two key files: the sealing key, overwritten each hour, and the root key, written once and to be taken away."""

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from commands.evidence import keys

logger = logging.getLogger(__name__)

SEALING = "sealing-key"
ROOT = "verification-key-{}"
ROOT_EPOCH = -1

HINT = "A new audit key {}: move {} to where this machine can't reach it, and keep it. It is what verifies the record."


class BadKeyFile(ValueError):
    """str() says which file, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of one epoch; `started` is when epoch 0 began, in seconds since 1970. That of epoch -1 is the root key."""

    name: str
    started: int
    epoch: int
    key: bytes

    def at(self, epoch: int) -> "Key":
        """The same key in a later epoch; in an earlier one it can't be had, and stays as it is."""
        ahead = max(0, epoch - self.epoch)
        return Key(self.name, self.started, self.epoch + ahead, keys.evolve(self.key, ahead))

    def __repr__(self) -> str:
        return f"<Key {self.name}, epoch {self.epoch}>"


def sealing_key(directory: Path, now: float) -> Key:
    """The sealing key as of `now`. The file is overwritten with it: the key before is gone. The first call makes both
    files. The clock may have been set back: the epoch never goes back.

    Raises OSError and BadKeyFile."""
    with _locked(directory) as file:
        kept = _read(file, directory)
        key = _make(directory, now) if kept is None else kept.at(keys.epoch_at(kept.started, now))
        if key != kept:
            _overwrite(file, key)
        return key


def make_anew(directory: Path) -> Key:
    """A new key, from now on: what was sealed is verified by the root key of before."""
    with _locked(directory) as file:
        key = _make(directory, time.time())
        _overwrite(file, key)
        return key


def kept_key(directory: Path) -> Key | None:
    """The sealing key as the file has it; None: there is none yet."""
    if not (directory / SEALING).exists():
        return None
    with _locked(directory) as file:
        return _read(file, directory)


def read_root(path: Path) -> Key:
    """The root key in a file. Raises OSError and BadKeyFile."""
    key = _parse(path.read_text(errors="replace"), str(path))
    if key.epoch != ROOT_EPOCH or keys.name_of(key.key) != key.name:
        raise BadKeyFile(f"{path} holds no verification key")
    return key


def roots(directory: Path) -> list[Path]:
    """Those that have not been taken away."""
    return sorted(directory.glob(ROOT.format("*")))


def _make(directory: Path, now: float) -> Key:
    root = keys.new_key()
    key = Key(keys.name_of(root), int(now), ROOT_EPOCH, root)
    path = directory / ROOT.format(key.name)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(_text(key))
        file.flush()
        os.fsync(file.fileno())
    _sync_directory(directory)  # after a power cut a sealing key without it would seal what nobody can verify
    logger.warning(HINT.format(key.name, path))
    return key.at(0)


@contextmanager
def _locked(directory: Path) -> Iterator[int]:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(directory / SEALING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _read(file: int, directory: Path) -> Key | None:
    text = os.pread(file, 4096, 0).decode("ascii", "replace").rstrip("\0\n ")
    return _parse(text, str(directory / SEALING)) if text else None


def _overwrite(file: int, key: Key) -> None:
    """In place, and at one length: a new file would leave the old key in the free space of the disk."""
    os.pwrite(file, _text(key).encode().ljust(512), 0)
    os.fsync(file)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _text(key: Key) -> str:
    return json.dumps(asdict(key) | {"key": key.key.hex()}) + "\n"


def _parse(text: str, what: str) -> Key:
    try:
        found = json.loads(text)
        key = Key(str(found["name"]), int(found["started"]), int(found["epoch"]), bytes.fromhex(found["key"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadKeyFile(f"{what} is no key file") from error
    if len(key.key) != keys.KEY_SIZE:
        raise BadKeyFile(f"{what} is no key file")
    return key
