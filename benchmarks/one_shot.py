"""One-shot EXECUTE of /bin/true through the whole server, against a bare spawn of it."""

import os
from collections.abc import Callable
from unittest.mock import patch

from benchmarks.client import Client
from benchmarks.measure import Case, Side
from benchmarks.trial import Trial
from tests.support import peers, postgres

PROGRAM = "/bin/true"

# The tests' server may lose what it likes; here the record has to be on the disk.
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


def one_shot(trial: Trial, left_out: Callable[[str], object]) -> list[Case]:
    page = os.open(trial.directory / "page", os.O_WRONLY | os.O_CREAT)
    trial.stack.callback(os.close, page)
    sides = [
        Side("posix_spawn and waitpid", spawn),
        Side("4 KiB written and fdatasync", lambda: synced_write(page)),
        Side("EXECUTE, SQLite", execute(trial.opened(Client(trial.server.imap)))),
    ]
    if peers.find("initdb"):
        server = trial.start("on-postgres", database_url=start_postgres(trial))
        sides.append(Side("EXECUTE, PostgreSQL", execute(trial.opened(Client(server.imap)))))
    else:
        left_out(peers.missing("initdb", "postgresql"))
    return [Case("one-shot EXECUTE of /bin/true", sides)]


def start_postgres(trial: Trial) -> str:
    database = postgres.Postgres()
    trial.stack.callback(database.remove)
    with patch.dict(postgres.SETTINGS, DURABLE):
        database.start()
    return database.url


def spawn() -> None:
    status = os.waitpid(os.posix_spawn(PROGRAM, [PROGRAM], {}), 0)[1]
    if status:
        raise ChildProcessError(status)


def synced_write(file: int) -> None:
    os.pwrite(file, bytes(4096), 0)
    os.fdatasync(file)


def execute(client: Client) -> Callable[[], int]:
    return lambda: client.command(b"EXECUTE true")
