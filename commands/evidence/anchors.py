"""Anchors: what a chain's last event was, told every minute to a file, and to syslog, where it can't be taken back.

Without them nobody can tell a chain whose end was cut off, or a database that was restored, from one that is whole.
"""

import logging
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

logger = logging.getLogger(__name__)

MAC_SIZE = 32
MOST = 2**63 - 1  # that the database can count to
AUTHPRIV_INFO = 10 * 8 + 6  # RFC 5424, 6.2.1
SYSLOG_SECONDS = 0.5  # the writer waits for it, and with it everybody


@dataclass(frozen=True, slots=True)
class Anchor:
    chain_id: UUID
    sequence: int
    mac: bytes
    at: str = ""
    """When it was told, in ISO 8601, UTC."""


class Anchors:
    """Of one writer. `committed` is told each last event, `tick` comes now and then, `end` at the end."""

    def __init__(self) -> None:
        self._last: Anchor | None = None
        self._told: Anchor | None = None
        self._failed = False
        self._due = time.monotonic() + settings.IMAPX["AUDIT_ANCHOR_SECONDS"]
        self._syslog = _syslog(settings.IMAPX["AUDIT_SYSLOG"])

    def committed(self, anchor: Anchor) -> None:
        if self._last is not None and self._last.chain_id != anchor.chain_id:
            self._tell()  # the last word on the chain before
        self._last = anchor
        told = self._told
        new = told is None or told.chain_id != anchor.chain_id
        # The first of a chain is told at once: else a short one could be deleted as if it had never been.
        if new or told is None or anchor.sequence - told.sequence >= settings.IMAPX["AUDIT_ANCHOR_EVENTS"]:
            self._tell()

    def tick(self) -> None:
        if time.monotonic() >= self._due:
            self._tell()

    def end(self) -> None:
        self._tell()

    def _tell(self) -> None:
        self._due = time.monotonic() + settings.IMAPX["AUDIT_ANCHOR_SECONDS"]
        anchor = self._last
        if anchor is None or (anchor == self._told and not self._failed):
            return
        self._told, self._failed = anchor, False
        line = _line(anchor)
        try:
            append(anchors_file(), line)
        except OSError:
            # Mail and executions go on. It is tried again when the next is due: not with each event, a full disk's log.
            logger.exception("Not anchored: %s", line)
            self._failed = True
        try:
            if self._syslog is not None:
                self._syslog.send(line)
        except OSError:
            logger.exception("Not anchored in syslog: %s", line)


def anchors_file() -> Path:
    # One that is not absolute is in the data directory, whatever directory cron starts a command in.
    path: Path = settings.DATA_DIR / (settings.IMAPX["AUDIT_ANCHORS"] or "audit/anchors")
    return path


def append(path: Path, line: str) -> None:
    """One write, so that lines of several processes don't mix, and on the disk when this returns."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.write(file, f"{line}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)


def read(path: Path) -> Iterator[Anchor]:
    """The anchors in a file: its own lines, or those of a syslog that has them. A line that is none is passed over."""
    with path.open(errors="replace") as file:
        for line in file:
            words = line.split()
            if len(words) >= 4:
                try:
                    anchor = Anchor(UUID(words[-3]), int(words[-2]), bytes.fromhex(words[-1]), words[-4])
                except ValueError:
                    continue
                if 0 < anchor.sequence <= MOST and len(anchor.mac) == MAC_SIZE:
                    yield anchor


def _line(anchor: Anchor) -> str:
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return f"{now} {anchor.chain_id} {anchor.sequence} {anchor.mac.hex()}"


class _Syslog:
    """One datagram for each anchor, by a socket of its own: whoever starts the other end anew is found again."""

    def __init__(self, address: str) -> None:
        """`/dev/log` or another socket's path, or HOST:PORT by UDP. Raises OSError and ValueError."""
        self._address: Any = address
        self._family = socket.AF_UNIX
        if not address.startswith("/"):
            host, _, port = address.rpartition(":")
            # Now, and not for each anchor: a name server that is away would hold up the writer.
            found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)
            self._family, _, _, _, self._address = found[0]

    def send(self, line: str) -> None:
        """Raises OSError, also when nobody reads at the other end."""
        with socket.socket(self._family, socket.SOCK_DGRAM) as out:
            out.settimeout(SYSLOG_SECONDS)
            out.connect(self._address)
            out.send(f"<{AUTHPRIV_INFO}>imapx: anchor {line}".encode())


def _syslog(address: str) -> _Syslog | None:
    try:
        return _Syslog(address) if address else None
    except (OSError, ValueError):
        logger.exception("No anchors to syslog at %s: a path, or HOST:PORT, was expected", address)
        return None
