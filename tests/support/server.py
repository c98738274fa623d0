"""The whole server: `manage.py runimap` as its own process, with demo data, on free ports."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.support.postgres import Postgres

ROOT = Path(__file__).resolve().parents[2]
READY = re.compile(
    r"IMAPX ready imap=(?P<imap>\S+) imaps=(?P<imaps>\S+)(?: web=(?P<web>\S+))? engine=(?P<engine>\S+)\n"
)


PREPARE = "from django.core.management import call_command; call_command('migrate', verbosity=0); call_command('demo')"

LENIENT = {
    "FAILED_LOGIN_SECONDS": "0",
    "LOCKOUT_FAILURES": "1000000",
    "PREAUTH_SLOTS": "1000:100:1000",
    "CONNECTIONS_PER_USER_ADDRESS": "1000",
}
"""For tests of something else, which fail logins and open connections on purpose, all from one address."""


class Server:
    """`start`, use `imap` and the others, `stop`. Its data directory is its own, so is its database."""

    imap: tuple[str, int]
    imaps: tuple[str, int]
    web: str | None
    engine: str

    def __init__(self, data: Path, postgres: Postgres | None = None, **settings: str) -> None:
        """`settings` are environment variables without their IMAPX_."""
        self.data = data
        _let_others_pass(data)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("IMAPX_")}
        self.environment |= {"IMAPX_DATA_DIR": str(data)}
        self.environment |= {f"IMAPX_{name}": value for name, value in (LENIENT | settings).items()}
        self.environment.pop("DATABASE_URL", None)
        if postgres is not None:
            self.environment["DATABASE_URL"] = postgres.new_database()
        self.log = tempfile.TemporaryFile("a+")  # noqa: SIM115 - close() does
        self.process: subprocess.Popen[str] | None = None

    def manage(self, *arguments: str, timeout: float = 60) -> str:
        """Run a management command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments[0]} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def python(self, code: str) -> str:
        """Run Python code with the server's settings and models, as an operator in `manage.py shell` would."""
        return self.manage("shell", "--verbosity", "0", "-c", code)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of the server's database, as they are committed now."""
        url = self.environment.get("DATABASE_URL")
        connection = psycopg.connect(url) if url else sqlite3.connect(self.data / "db.sqlite3")
        with closing(connection):
            return connection.execute(statement).fetchall()

    def exits(self, verb: str) -> list[str]:
        """How the executions of this verb have come out, the first one first."""
        kind = f"kind = 'exit' AND verb = '{verb}'"
        return [row[0] for row in self.query(f"SELECT outcome FROM commands_auditevent WHERE {kind} ORDER BY id")]

    def prepare(self) -> None:
        """What `manage.py migrate` and `manage.py demo` make, by one process: most of either is to start Django."""
        self.python(PREPARE)

    def start(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, str(ROOT / "manage.py"), "runimap"),
                *("--imap", "127.0.0.1:0", "--imaps", "127.0.0.1:0", "--web", "127.0.0.1:0"),
                *arguments,
            ],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        ready = READY.fullmatch(line)
        if ready is None:
            self.stop()
            raise RuntimeError(f"no ready line: {line}{self.logged()}")
        self.imap, self.imaps = address(ready["imap"]), address(ready["imaps"])
        self.web, self.engine = ready["web"], ready["engine"]

    @contextmanager
    def running(self, *arguments: str, **settings: str) -> Iterator["Server"]:
        """Start it with these arguments and further settings; stop it, which must go well."""
        before = self.environment
        self.environment = before | {f"IMAPX_{name}": value for name, value in settings.items()}
        try:
            self.start(*arguments)
            yield self
        finally:
            self.environment = before
            status = self.stop()
        assert status == 0

    def stop(self) -> int:
        """Drain it, and return its exit status."""
        process, self.process = self.process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(45)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            assert process.stdout is not None
            process.stdout.close()

    def close(self) -> None:
        """Give back what it holds; it is stopped by then."""
        self.log.close()

    def logged(self) -> str:
        """All that the server has written to its log."""
        self.log.seek(0)
        return self.log.read()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid


def _let_others_pass(path: Path) -> None:
    """As root the mail belongs to another user, who has to get to it; pytest makes directories for their owner."""
    below = Path(tempfile.gettempdir())
    for directory in (path, *path.parents):
        if below in directory.parents and directory.stat().st_uid == os.geteuid():
            directory.chmod(directory.stat().st_mode | 0o011)


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)
