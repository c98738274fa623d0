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
from logging.handlers import SysLogHandler
from pathlib import Path
from uuid import UUID

from django.conf import settings

logger = logging.getLogger(__name__)

SYSLOG_SOCKET = "/dev/log"


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
        if self._syslog is not None:
            self._syslog.close()

    def _tell(self) -> None:
        self._due = time.monotonic() + settings.IMAPX["AUDIT_ANCHOR_SECONDS"]
        anchor = self._last
        if anchor is None or anchor == self._told:
            return
        self._told = anchor
        line = _line(anchor)
        try:
            append(anchors_file(), line)
        except OSError:
            # Mail and executions go on: what is not anchored now will be by the next.
            logger.exception("Not anchored: %s", line)
            self._told = None
        if self._syslog is not None:
            self._syslog.emit(logging.LogRecord("imapx", logging.INFO, "", 0, "anchor %s", (line,), None))


def anchors_file() -> Path:
    given: str = settings.IMAPX["AUDIT_ANCHORS"]
    path: Path = Path(given) if given else settings.DATA_DIR / "audit" / "anchors"
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
                    yield Anchor(UUID(words[-3]), int(words[-2]), bytes.fromhex(words[-1]), words[-4])
                except ValueError:
                    continue


def _line(anchor: Anchor) -> str:
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return f"{now} {anchor.chain_id} {anchor.sequence} {anchor.mac.hex()}"


def _syslog(address: str) -> SysLogHandler | None:
    """`/dev/log` or another socket's path, or HOST:PORT by UDP; empty: none."""
    if not address:
        return None
    host, _, port = address.rpartition(":")
    try:
        where = address if address.startswith("/") else (host, int(port))
        handler = SysLogHandler(where, SysLogHandler.LOG_AUTHPRIV)
    except (OSError, ValueError, socket.gaierror):
        logger.exception("No anchors to syslog at %s: a path, or HOST:PORT, was expected", address)
        return None
    handler.ident = "imapx: "
    handler.append_nul = False
    return handler
