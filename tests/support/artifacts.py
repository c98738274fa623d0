"""The option `--artifacts`, a plugin: where tests write what people look at afterwards, as screenshots and reports."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--artifacts",
        type=Path,
        metavar="DIR",
        help="Write screenshots of pages and reports on them into this directory, and not into pytest's own.",
    )


@pytest.fixture(scope="session")
def artifacts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    given: Path | None = request.config.getoption("--artifacts")
    directory = tmp_path_factory.mktemp("artifacts") if given is None else given.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    return directory
