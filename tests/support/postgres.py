"""A private PostgreSQL server: a new cluster in a temporary directory, on a Unix socket, gone when it is stopped."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.support import peers

# What a crash would lose is of no use to a test run.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class Postgres:
    """`start`, use `url`, `stop` and `start` again as often as wanted; `remove` at the end.

    As root the server runs as the user `postgres`, since it refuses root.
    """

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="imapx-postgres-"))  # closed to others: it trusts who gets in
        self._data = self.directory / "data"
        self._databases = 0
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.directory, self._user, self._user)

    @property
    def url(self) -> str:
        return self._url("postgres")

    def new_database(self) -> str:
        """Make an empty database beside the others, and return its URL."""
        self._databases += 1
        name = f"imapx{self._databases}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgres://imapx@{quote(str(self.directory), safe='')}/{database}"

    def start(self) -> None:
        """Start the server, in a new cluster the first time. It takes connections when this returns."""
        if not self._data.exists():
            self._run(*("initdb", "-D", self._data, "-U", "imapx", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"))
        options = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
        self._run(
            *("pg_ctl", "start", "-D", self._data, "-l", self.directory / "log"),
            *("-w", "-t", "60", "-o", f"-k {self.directory} {options}"),
        )

    def stop(self) -> None:
        """Stop it as a crash would. It is known by its cluster's own pid file."""
        self._run("pg_ctl", "stop", "-D", self._data, "-m", "immediate", "-w", "-t", "60")

    def remove(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.directory)

    def _run(self, command: str, *arguments: str | Path) -> None:
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
