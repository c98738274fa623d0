"""The Dovecot that an operator already has: of its own, started by nobody but the test, with mail in maildirs."""

import contextlib
import grp
import imaplib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from hashlib import sha256
from pathlib import Path

from imapserver.tls import make_certificate
from tests.support import peers
from tests.support.dovecot_conf import CONFIGURATION, ROOTLESS

MASTER = "master"
"""Logs in as any user by `user*master`; its password is its name, as that of all users is."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A message that a mailbox has from the start. `flags` are a maildir's letters: D F P R S T."""

    data: bytes
    flags: str = ""
    date: datetime = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as the server keeps it. `date` is "new" for one that came after the server was started."""

    subject: str
    size: int
    digest: str
    flags: tuple[str, ...]
    date: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    subscribed: bool
    uid_next: int
    messages: dict[int, Kept]
    """By UID."""


class ReferenceDovecot:
    """`start`, use `imap`, `imaps`, `socket`, `certificate`, `stop`. Each start of a new object finds no mail."""

    def __init__(self, users: Iterable[str] = ("demo", "ann")) -> None:
        self.binary = peers.require("dovecot", "dovecot-imapd")
        # Open, as the user whose the mail is has to pass, and short, as the paths of sockets must be.
        self.directory = Path(tempfile.mkdtemp(prefix="imapx-reference-"))
        self.directory.chmod(0o755)
        self.imap, self.imaps = (("127.0.0.1", port) for port in free_ports(2))
        self.socket = self.directory / "run" / "imap.socket"
        self.certificate, _ = make_certificate(self.directory / "tls")
        self.pid = 0
        self._rootless = os.geteuid() != 0
        self._mail = pwd.getpwuid(os.geteuid()) if self._rootless else pwd.getpwnam("mail")
        self._process: subprocess.Popen[bytes] | None = None
        self._seeded = 0
        self._began = datetime.now(UTC).replace(microsecond=0)
        self._configure(list(users))

    def _configure(self, users: list[str]) -> None:
        values = {
            "directory": str(self.directory),
            "mail_uid": self._mail.pw_uid,
            "mail_gid": self._mail.pw_gid,
            "imap": self.imap[1],
            "imaps": self.imaps[1],
            "owner": self._mail.pw_name,
            "group": grp.getgrgid(self._mail.pw_gid).gr_name,
        }
        text = CONFIGURATION.substitute(values) + (ROOTLESS.substitute(values) if self._rootless else "")
        (self.directory / "dovecot.conf").write_text(text)
        (self.directory / "users").write_text("".join(f"{user}:{{PLAIN}}{user}::::::\n" for user in users))
        (self.directory / "masters").write_text(f"{MASTER}:{{PLAIN}}{MASTER}\n")
        for name in ("users", "masters"):  # Dovecot's own user reads them
            (self.directory / name).chmod(0o644)
        self._make_directory(self.directory / "mail")

    def start(self) -> "ReferenceDovecot":
        # In a group of its own: Ctrl-C at the terminal is the test run's, which stops it by the fixture.
        self._process = subprocess.Popen(
            [self.binary, "-F", "-c", self.directory / "dovecot.conf"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.pid = self._process.pid
        deadline = time.monotonic() + 20
        while not self._greets():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = self.log()
                self.stop()
                raise RuntimeError(f"Dovecot does not start:\n{log}")
            time.sleep(0.02)
        return self

    def _greets(self) -> bool:
        try:
            with socket.create_connection(self.imap, timeout=5) as connection:
                return connection.recv(4) == b"* OK"
        except OSError:
            return False

    def stop(self) -> None:
        """End it and remove its mail. Once more does nothing."""
        self.halt()
        shutil.rmtree(self.directory, ignore_errors=True)

    def halt(self, number: int = signal.SIGTERM) -> None:
        """End the processes by this signal; mail and ports stay, for the next `start`."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError):  # what a killed master leaves behind
            os.killpg(process.pid, signal.SIGKILL)

    def log(self) -> str:
        path = self.directory / "log"
        return path.read_text() if path.exists() else ""

    # Mail

    def seed(self, user: str, seeds: Iterable[Seed], mailbox: str = "INBOX") -> None:
        """Put messages into a mailbox, in this order."""
        for seed in seeds:
            path = self._put(user, mailbox, "cur", seed.data, f":2,{seed.flags}")
            os.utime(path, (seed.date.timestamp(), seed.date.timestamp()))

    def deliver(self, user: str, data: bytes) -> None:
        """A message arrives in the INBOX."""
        self._put(user, "INBOX", "new", data, "")

    def _put(self, user: str, mailbox: str, place: str, data: bytes, suffix: str) -> Path:
        home = self.directory / "mail" / user
        maildir = home / "Maildir"
        folder = maildir if mailbox == "INBOX" else maildir / f".{mailbox}"
        for path in (home, maildir, folder, folder / "tmp", folder / "new", folder / "cur"):
            self._make_directory(path)
        self._seeded += 1
        name = f"{1700000000 + self._seeded}.M{self._seeded}.reference{suffix}"
        draft = folder / "tmp" / name
        draft.write_bytes(data)
        os.chown(draft, self._mail.pw_uid, self._mail.pw_gid)
        return draft.rename(folder / place / name)

    def _make_directory(self, path: Path) -> None:
        if not path.exists():
            path.mkdir(mode=0o700)
            os.chown(path, self._mail.pw_uid, self._mail.pw_gid)

    def snapshot(self, user: str, ignore: bytes = b"") -> dict[str, Mailbox]:
        """All mailboxes of the user by name, read without changing them.

        What `ignore` (a regular expression, line by line) matches in a message does not count."""
        with imaplib.IMAP4(*self.imap, timeout=30) as imap:
            imap.login(f"{user}*{MASTER}", MASTER)
            subscribed = _names(imap.lsub()[1])
            names = sorted(_names(imap.list()[1]))
            return {name: self._mailbox(imap, name, name in subscribed, ignore) for name in names}

    def _mailbox(self, imap: imaplib.IMAP4, name: str, subscribed: bool, ignore: bytes) -> Mailbox:
        _, (status,) = imap.status(f'"{name}"', "(UIDNEXT)")
        uid_next = re.search(rb"UIDNEXT (\d+)", status)
        imap.select(f'"{name}"', readonly=True)
        messages = {}
        for item in imap.uid("FETCH", "1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")[1]:
            # An empty message comes as a quoted string, and the end of each other one as an item of its own.
            head, data = item if isinstance(item, tuple) else (item, b"")
            if head and (match := re.search(rb'UID (\d+) FLAGS \(([^)]*)\) INTERNALDATE "([^"]*)"', head)):
                data = re.sub(ignore, b"", data, flags=re.MULTILINE) if ignore else data
                messages[int(match[1])] = self._kept(data, match[2].decode(), match[3].decode())
        assert uid_next
        return Mailbox(subscribed, int(uid_next[1]), messages)

    def _kept(self, data: bytes, flags: str, date: str) -> Kept:
        came = datetime.strptime(date, "%d-%b-%Y %H:%M:%S %z")
        return Kept(
            subject=str(BytesHeaderParser().parsebytes(data)["Subject"]),
            size=len(data),
            digest=sha256(data).hexdigest(),
            flags=tuple(sorted(flags.split())),
            date="new" if came >= self._began else came.isoformat(),
        )


def _names(lines: list[bytes]) -> set[str]:
    return {line.rpartition(b' "." ')[2].decode().strip('"') for line in lines if line}


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
