"""One server a file, with demo's users, whose passwords are their names, those of each role and rows of every kind."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.rows import make_rows
from tests.support import database
from tests.support.browser import Windows, chromium
from tests.support.server import Server


# Of the package and not of the session: while it is open, asyncio takes its loop for one that runs in this thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("browser"), request.config.stash.get(database.server, None))
    server.prepare()
    server.python(make_rows)
    server.start("--engine", "none")
    yield server
    assert server.stop() == 0
    server.close()


@pytest.fixture(scope="module")
def logins() -> dict[str, Any]:
    return {}


@pytest.fixture
def windows(browser: Browser, server: Server, logins: dict[str, Any]) -> Iterator[Windows]:
    """Windows, in none of which anything may go wrong that the test did not expect."""
    assert server.web is not None
    windows = Windows(browser, server.web, logins)
    yield windows
    assert windows.close() == []
