from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import override_settings


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "history: the map is made with its history, and each change of it is recorded")


@pytest.fixture(autouse=True)
def _history(request: pytest.FixtureRequest) -> Iterator[None]:
    """A map that a test only needs is made without: versions and audit events of its making would be in the way."""
    with override_settings(SIMPLE_HISTORY_ENABLED=request.node.get_closest_marker("history") is not None):
        yield


@pytest.fixture
def _django_db_helper(_django_db_helper: None) -> Iterator[None]:
    """Around pytest-django's own: leave the database of each test so that it can be flushed."""
    from commands import audit, triggers

    yield
    audit.writer.stop()
    if connection.in_atomic_block:
        return  # nothing was committed: it is rolled back, not flushed
    # Flushing deletes audit events, which is what these refuse. It makes them again: it sends post_migrate.
    with connection.cursor() as cursor:
        for trigger in triggers.append_only(connection):
            cursor.execute(triggers.drop_statement(trigger, connection.vendor))
