"""A private PostgreSQL server: a new cluster in a temporary directory, on a Unix socket, gone when it is stopped."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from tests.support import peers

# What a crash would lose is of no use to a test run.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class Postgres:
    """`start`, use `url`, `stop`. As root the server runs as the user `postgres`, since it refuses root."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="imapx-postgres-"))  # closed to others: it trusts who gets in
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.directory, self._user, self._user)

    @property
    def url(self) -> str:
        return f"postgres://imapx@{quote(str(self.directory), safe='')}/postgres"

    def start(self) -> None:
        """Make the cluster and start it; it takes connections when this returns."""
        data = str(self.directory / "data")
        self._run("initdb", "-D", data, "-U", "imapx", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
        self._run(
            *("pg_ctl", "start", "-D", data, "-l", str(self.directory / "log")),
            *("-w", "-t", "60", "-o", f"-k {self.directory} {options}"),
        )

    def stop(self) -> None:
        """Stop the server by its cluster's own pid file, and remove all of it."""
        if (self.directory / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-D", str(self.directory / "data"), "-m", "immediate", "-w", "-t", "60")
        shutil.rmtree(self.directory)

    def restart(self) -> None:
        """Stop it as a crash would, and start it again."""
        data = str(self.directory / "data")
        self._run("pg_ctl", "restart", "-D", data, "-l", str(self.directory / "log"), "-m", "immediate", "-w")

    def _run(self, command: str, *arguments: str) -> None:
        program = peers.find(command)
        if program is None:
            raise FileNotFoundError(peers.missing(command, "postgresql"))
        done = subprocess.run(
            [program, *arguments],
            cwd=self.directory,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(f"{command} failed: {done.stdout}{done.stderr}")
