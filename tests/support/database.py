"""The option `--database`, a plugin: which database a run of the test suite uses.

A plugin, loaded by `-p`, and not a conftest.py: Django's settings are read before any of those is.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.postgres import Postgres

skip_reason = pytest.StashKey[str]()
server = pytest.StashKey[Postgres]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="Run on SQLite, or on a PostgreSQL server that is started for this run.",
    )


@pytest.hookimpl(tryfirst=True)  # before pytest-django, which reads the settings here
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    options = parser.parse_known_args(args)
    if options.help or options.version:
        return
    # Nothing of a run gets into the data of whoever runs it, and two runs don't meet.
    directory = Path(tempfile.mkdtemp(prefix="imapx-test-"))
    early_config.add_cleanup(lambda: shutil.rmtree(directory))
    os.environ["IMAPX_DATA_DIR"] = str(directory)
    os.environ.pop("DATABASE_URL", None)
    if options.database == "postgresql":
        _start_postgres(early_config)


def _start_postgres(config: pytest.Config) -> None:
    if peers.find("initdb") is None:
        reason = peers.missing("initdb", "postgresql")
        if peers.required():
            raise pytest.UsageError(reason)
        config.stash[skip_reason] = reason
        return
    postgres = config.stash[server] = Postgres()
    config.add_cleanup(postgres.remove)
    postgres.start()
    os.environ["DATABASE_URL"] = postgres.url


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reason = config.stash.get(skip_reason, "")
    if reason:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> Postgres:
    """The server of this run; a test that needs it is skipped on SQLite."""
    if server not in request.config.stash:
        pytest.skip("for a run with --database postgresql")
    return request.config.stash[server]
