"""One Pigeonhole for all tests of a module; a user that nobody had before for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.programs.sieve_user import SieveUser
from tests.support.pigeonhole import Pigeonhole

USERS = [f"user{number}" for number in range(80)]


@pytest.fixture(scope="module")
def pigeonhole() -> Iterator[Pigeonhole]:
    server = Pigeonhole(USERS)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def new_user() -> Iterator[str]:
    return iter(USERS)


@pytest.fixture
def user(pigeonhole: Pigeonhole, new_user: Iterator[str], tmp_path: Path) -> SieveUser:
    return SieveUser(pigeonhole, next(new_user), tmp_path)
