from collections.abc import Iterator

import pytest
from django.db import connection


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
        for trigger in triggers.TRIGGERS[connection.vendor]():
            if not trigger.counts:
                cursor.execute(triggers.drop_statement(trigger, connection.vendor))
