"""Monthly partitions of the record on PostgreSQL, so that old months can be dropped whole. Other databases have none.

Months are UTC's. What fits into no month's partition goes into a default one: an insert never fails for want of one.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

TABLES = ("commands_auditevent", "commands_transcriptchunk")
MONTHS_AHEAD = 2  # a server makes them once a day: two months in which nobody need notice that it can't
LOCK = 0x696D6170  # of all that make or drop partitions here, one at a time
LOCK_SECONDS = 2  # behind a backup that reads all, whoever lists the record would wait in line behind this


class Month(NamedTuple):
    year: int
    number: int

    @classmethod
    def of(cls, at: datetime) -> "Month":
        utc = at.astimezone(UTC)
        return cls(utc.year, utc.month)

    @property
    def next(self) -> "Month":
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


def ensure(using: str = "default", now: datetime | None = None) -> list[str]:
    """Make the partitions of this month and the next ones, and of what lies in the default ones. Returns their names.

    Raises django.db.Error if it can't, and when it would have to wait long for its locks. It may be tried again.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return []
    first = Month.of(now or datetime.now(UTC))
    made = []
    with transaction.atomic(using=using), connection.cursor() as cursor:
        lock(cursor)
        for table in TABLES:
            if is_partitioned(cursor, table):
                wanted = {*_months(first, MONTHS_AHEAD + 1), *_misplaced(cursor, table)}
                missing = sorted(wanted - set(months(cursor, table)))
                made += [make(connection, cursor, table, month) for month in missing]
    return made


def lock(cursor: CursorWrapper) -> None:
    """Until the end of the transaction nobody else makes or drops partitions."""
    cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def is_partitioned(cursor: CursorWrapper, table: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND relkind = 'p'", [table])
    return cursor.fetchone() is not None


def partitions(cursor: CursorWrapper, table: str) -> list[str]:
    """The names of all partitions of the table, the default one too; none if it has none or is not there."""
    cursor.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(%s) ORDER BY 1", [table]
    )
    return [name for (name,) in cursor.fetchall()]


def months(cursor: CursorWrapper, table: str) -> dict[Month, str]:
    """The months that have a partition of their own, oldest first, and its name."""
    found = {}
    for name in partitions(cursor, table):
        match = re.fullmatch(rf"{table}_(\d{{4}})_(\d\d)", name)
        if match:
            found[Month(int(match[1]), int(match[2]))] = name
    return found


def make(connection: BaseDatabaseWrapper, cursor: CursorWrapper, table: str, month: Month) -> str:
    """Make the partition of one month that has none, and move into it what the default one has of that month.

    Made apart and attached, since to make it in place would lock the table itself: each EXECUTE would wait.
    """
    from commands import triggers  # which needs to know partitions

    name, default = f"{table}_{month.year:04}_{month.number:02}", default_name(table)
    bounds = [month.start, month.next.start]
    cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)")
    if default in partitions(cursor, table):
        cursor.execute(f"SELECT 1 FROM {default} WHERE at >= %s AND at < %s LIMIT 1", bounds)  # noqa: S608
        if cursor.fetchone():
            cursor.execute(f"LOCK TABLE {table}, {default} IN ACCESS EXCLUSIVE MODE")
            with triggers.set_aside(connection, default):
                cursor.execute(
                    f"WITH moved AS (DELETE FROM {default} WHERE at >= %s AND at < %s RETURNING *) "  # noqa: S608
                    f"INSERT INTO {name} SELECT * FROM moved",
                    bounds,
                )
    cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)", bounds)
    triggers.protect(connection, table, name)
    return name


def make_default(connection: BaseDatabaseWrapper, cursor: CursorWrapper, table: str) -> None:
    from commands import triggers

    cursor.execute(f"CREATE TABLE {default_name(table)} PARTITION OF {table} DEFAULT")
    triggers.protect(connection, table, default_name(table))


def default_name(table: str) -> str:
    return f"{table}_default"


def _months(first: Month, count: int) -> Iterator[Month]:
    for _ in range(count):
        yield first
        first = first.next


def _misplaced(cursor: CursorWrapper, table: str) -> list[Month]:
    """The months of the rows in the default partition."""
    cursor.execute(f"SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC') FROM {default_name(table)}")  # noqa: S608
    return [Month(start.year, start.month) for (start,) in cursor.fetchall()]
