"""Where the chain of this process's writer stands. Used by the writer's thread alone."""

import logging
import os
import socket
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models.functions import Now
from django.utils import timezone

from commands import rows
from commands.evidence import keys, seal
from commands.evidence.anchors import Anchor, Anchors
from commands.evidence.keyfile import BadKeyFile, Key, sealing_key
from commands.models import Chain

logger = logging.getLogger(__name__)

SEEN_SECONDS = 10.0


class NoKey(DatabaseError):
    """There is no sealing key, so nothing can be recorded: as if there were no store."""


def directory() -> Path:
    path: Path = settings.DATA_DIR / "audit"
    return path


def node() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


class _Clock:
    """Wall-clock time that does not jump while the process lives: a clock that somebody sets must not age the key."""

    def __init__(self) -> None:
        self._offset = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)

    def now(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) + self._offset


_clock = _Clock()
_local = threading.local()
_own: set[uuid.UUID] = set()


def take_key() -> Key:
    """The sealing key of now; the first call on this machine makes it. Raises NoKey."""
    try:
        return sealing_key(directory(), _clock.now())
    except OSError as error:
        raise NoKey(f"no sealing key: {error}: the server's user must be able to read and write it") from error
    except BadKeyFile as error:
        raise NoKey(f"no sealing key: {error} (manage.py auditkey --new makes another)") from error


def current() -> "Head":
    """That of this thread, which must be a writer's."""
    head: Head | None = getattr(_local, "head", None)
    if head is None:
        raise RuntimeError("an audit event is recorded inside a unit of the writer only")
    return head


def own_chains() -> frozenset[uuid.UUID]:
    """All chains that this process has written."""
    return frozenset(_own)


class Head:
    """`begin` before each transaction, `commit` after it was committed; else all since `begin` is as if not sealed."""

    def __init__(self) -> None:
        self.node = node()
        self._anchors = Anchors()
        self._seen = time.monotonic()
        self._chains: list[uuid.UUID] = []
        self._forget()
        _local.head = self

    def _forget(self) -> None:
        """The next event begins a chain."""
        self._chain_id: uuid.UUID | None = None
        self._committed = (0, b"")
        self._place = self._committed
        self._name = ""
        self._epoch = -1
        self._key = b""
        self._key_until = 0.0

    def chain(self) -> uuid.UUID:
        """The chain that the next event is in. Raises NoKey."""
        return self._chain_id or self._take_key()

    def begin(self) -> None:
        self._place = self._committed
        if not self._committed[0]:
            self._chain_id = None  # its row was not committed either

    def seal(self, values: dict[str, Any]) -> None:
        """Put chain, sequence, epoch and seal into the fields of an event, which is to be inserted next.

        Raises NoKey."""
        chain_id = self._chain_id
        if chain_id is None or _clock.now() >= self._key_until:
            chain_id = self._take_key()
        sequence, previous = self._place[0] + 1, self._place[1]
        mac = seal.seal(self._key, chain_id, sequence, self._epoch, previous, seal.encode(values))
        values.update(chain_id=chain_id, sequence=sequence, epoch=self._epoch, mac=mac)
        self._place = (sequence, mac)

    def commit(self) -> None:
        if self._place == self._committed or self._chain_id is None:
            return
        if not self._committed[0]:
            _own.add(self._chain_id)
            self._chains.append(self._chain_id)
        self._committed = self._place
        self._anchors.committed(Anchor(self._chain_id, *self._place))

    def doubt(self) -> None:
        """Whether the last transaction was committed is not known: go on with a new chain, so that both are right."""
        if self._chain_id is not None:
            _own.add(self._chain_id)
            self._chains.append(self._chain_id)
        self._forget()

    def tick(self) -> None:
        """Now and then: anchor what is not yet, and tell others that this process lives. Raises django.db.Error."""
        self._anchors.tick()
        if self._chains and time.monotonic() - self._seen >= SEEN_SECONDS:
            Chain.objects.filter(pk__in=self._chains).update(seen_at=Now())
            self._seen = time.monotonic()

    def end(self) -> None:
        """The last: anchor it, and say that nothing more comes. Raises django.db.Error."""
        self._anchors.end()
        if self._chains:
            Chain.objects.filter(pk__in=self._chains).update(seen_at=Now(), ended_at=Now())

    def _take_key(self) -> uuid.UUID:
        """The key of this hour; begins a chain where there is none, or where there is a new key altogether."""
        key = take_key()
        if self._chain_id is not None and key.name != self._name:
            self._forget()
        chain_id = self._chain_id or self._begin_chain(key)
        self._epoch = key.epoch
        self._key = keys.chain_key(key.key, chain_id)
        ends = key.started + (key.epoch + 1) * keys.EPOCH_SECONDS
        # The file's epoch is ahead where the clock was set back: then look again in an hour.
        self._key_until = min(ends, _clock.now() + keys.EPOCH_SECONDS)
        return chain_id

    def _begin_chain(self, key: Key) -> uuid.UUID:
        chain_id, now = uuid.uuid4(), timezone.now()
        rows.insert(
            Chain(
                id=chain_id,
                node=self.node,
                key_id=key.name,
                epoch=key.epoch,
                started_at=now,
                seen_at=now,
            )
        )
        self._chain_id, self._name = chain_id, key.name
        return chain_id
