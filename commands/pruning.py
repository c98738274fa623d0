"""What retention does in the database: to drop what is older than a bound, in this one's way."""

import time
from datetime import datetime

from django.db import OperationalError, connection, models, transaction

from commands import partitions, triggers

TRIES = 10
PAUSE = 3.0
LOCK_SECONDS = 1  # whoever wants to record something waits in line behind this; AUDIT_SECONDS is 2


def whole(before: datetime) -> datetime:
    """Return the latest bound up to `before` at which something can be dropped."""
    return partitions.Month.of(before).start if connection.vendor == "postgresql" else before


def drop(model: type[models.Model], before: datetime) -> None:
    """Drop the rows from before the bound, which is `whole`. In a transaction of the caller's."""
    table = model._meta.db_table
    if connection.vendor != "postgresql":
        with triggers.set_aside(connection, table):
            model._base_manager.filter(at__lt=before)._raw_delete(connection.alias)
        return
    with connection.cursor() as cursor:
        partitions.lock(cursor)
        _lock_table(table)
        for month, name in partitions.months(cursor, table).items():
            if month.next.start <= before:
                cursor.execute(f"ALTER TABLE {table} DETACH PARTITION {name}")
                cursor.execute(f"DROP TABLE {name}")


def _lock_table(table: str) -> None:
    """Lock all of it as DROP does, for whom a backup may be in the way: short tries, in between others go on."""
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS * 1000:.0f}ms'")
                cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            return
        except OperationalError:
            if not left:
                raise
            time.sleep(PAUSE)
