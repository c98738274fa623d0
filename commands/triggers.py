"""Database triggers: the audit record can only grow, and whatever changes the map counts its revision up.

Triggers, since SQL by hand and `queryset.update()` pass by Django's signals and `save()`. They are made after each
`migrate`, not by a migration: on SQLite Django alters a table by making it anew, and its triggers go with the old one.
A migration that alters the revision's own table must drop those that count first: SQLite refuses it otherwise.

On PostgreSQL each partition of the record has the triggers of its table: a statement that names the partition fires
those of no other.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from commands import partitions
from commands.models import (
    ActionVerb,
    AuditEvent,
    Lock,
    MapRevision,
    Parameter,
    Rule,
    Signature,
    Tag,
    TranscriptChunk,
    Verb,
)

# Table, and what its rows are called in the error.
APPEND_ONLY = {AuditEvent._meta.db_table: "audit events", TranscriptChunk._meta.db_table: "transcripts"}


class Trigger(NamedTuple):
    name: str
    table: str
    create: str  # the statement
    counts: bool  # whether it counts the revision up


def install(connection: BaseDatabaseWrapper) -> None:
    """Make all triggers anew, for those tables that are there, and count the revision up. In one transaction."""
    tables = set(connection.introspection.table_names())
    can_count = MapRevision._meta.db_table in tables
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for statement in _postgresql_functions():
                cursor.execute(statement)
        for trigger in (*append_only(connection), *_counting(connection.vendor)):
            if trigger.counts and trigger.table not in tables:
                continue
            cursor.execute(drop_statement(trigger, connection.vendor))
            # After `migrate commands zero`, one that counts what is not there would refuse every change of a user.
            if can_count or not trigger.counts:
                cursor.execute(trigger.create)
        if can_count:
            for statement in _count_up():  # something may have changed while there were no triggers
                cursor.execute(statement)


def append_only(connection: BaseDatabaseWrapper) -> list[Trigger]:
    """The triggers of the record's tables that are there, and of their partitions."""
    existing = set(connection.introspection.table_names())
    tables = [(table, table) for table in APPEND_ONLY if table in existing]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            tables += [(table, each) for table, _ in tables for each in partitions.partitions(cursor, table)]
    return [trigger for table, each in tables for trigger in _append_only(connection.vendor, table, each)]


@contextmanager
def set_aside(connection: BaseDatabaseWrapper, table: str) -> Iterator[None]:
    """Within a transaction of the caller's: inside, this one table (or partition) is not append-only."""
    if not connection.in_atomic_block:
        raise RuntimeError("without a transaction others could change the record meanwhile")
    those = [trigger for trigger in append_only(connection) if trigger.table == table]
    with connection.cursor() as cursor:
        for trigger in those:
            cursor.execute(drop_statement(trigger, connection.vendor))
        yield
        for trigger in those:
            cursor.execute(trigger.create)


def protect(connection: BaseDatabaseWrapper, table: str, partition: str) -> None:
    """Give a new partition the triggers of its table. They are not there yet while the first `migrate` runs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_proc WHERE proname = 'commands_append_only'")
        if cursor.fetchone():
            for trigger in _append_only("postgresql", table, partition):
                cursor.execute(drop_statement(trigger, "postgresql"))
                cursor.execute(trigger.create)


def names(vendor: str) -> set[str]:
    """The names of all triggers, partitions' left out."""
    record = [trigger for table in APPEND_ONLY for trigger in _append_only(vendor, table, table)]
    return {trigger.name for trigger in (*record, *_counting(vendor))}


def drop_statement(trigger: Trigger, vendor: str) -> str:
    on_table = f' ON "{trigger.table}"' if vendor == "postgresql" else ""
    return f'DROP TRIGGER IF EXISTS "{trigger.name}"{on_table}'


def _append_only(vendor: str, table: str, each: str) -> Iterator[Trigger]:
    """Of `table` itself or one of its partitions."""
    name, what = f"{table}_append_only", APPEND_ONLY[table]
    if vendor == "postgresql":
        create = (
            f'CREATE TRIGGER "{name}" BEFORE UPDATE OR DELETE OR TRUNCATE ON "{each}" '
            f"FOR EACH STATEMENT EXECUTE FUNCTION commands_append_only('{what}')"
        )
        yield Trigger(name, each, create, False)
        return
    refuse = f"BEGIN SELECT RAISE(ABORT, '{what} can''t be changed or deleted'); END"
    for event, when in (
        ("UPDATE", ""),
        ("DELETE", ""),
        # INSERT OR REPLACE deletes a row without firing DELETE triggers
        ("INSERT", f'WHEN EXISTS (SELECT 1 FROM "{table}" WHERE id = NEW.id)'),  # noqa: S608
    ):
        create = f'CREATE TRIGGER "{name}_{event.lower()}" BEFORE {event} ON "{table}" {when} {refuse}'
        yield Trigger(f"{name}_{event.lower()}", table, create, False)


def _counted(vendor: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The tables that authorization decides on, and which changes of each count."""
    user = get_user_model()
    for model in (Verb, Signature, Parameter, Tag, Verb.tags.through, Rule, Lock, ActionVerb, user.groups.through):
        yield model._meta.db_table, ("INSERT", "UPDATE", "DELETE")
    # Not every column of a user: each login updates last_login. Nor a new user, of whom nobody keeps anything yet:
    # where an engine knows the users each first login would have every process read the map anew. SQLite's REPLACE is
    # an INSERT and fires nothing else.
    new = () if vendor == "postgresql" else ("INSERT",)
    yield user._meta.db_table, (*new, f"UPDATE OF is_active, {user.USERNAME_FIELD}", "DELETE")


def _counting(vendor: str) -> Iterator[Trigger]:
    for table, events in _counted(vendor):
        if vendor == "postgresql":
            name = f"{table}_revision"
            create = (
                f'CREATE TRIGGER "{name}" AFTER {" OR ".join((*events, "TRUNCATE"))} ON "{table}" '
                "FOR EACH STATEMENT EXECUTE FUNCTION commands_count_revision()"
            )
            yield Trigger(name, table, create, True)
            continue
        count = f"BEGIN {'; '.join(_count_up())}; END"
        for event in events:
            name = f"{table}_revision_{event.split()[0].lower()}"
            yield Trigger(name, table, f'CREATE TRIGGER "{name}" AFTER {event} ON "{table}" {count}', True)


def _count_up() -> tuple[str, str]:
    """Two statements and no upsert: in SQLite the OR IGNORE of who fires a trigger overrides an upsert in it."""
    table = MapRevision._meta.db_table
    return (
        f'INSERT INTO "{table}" (id, number) SELECT 1, 0 WHERE NOT EXISTS (SELECT 1 FROM "{table}" WHERE id = 1)',  # noqa: S608
        f'UPDATE "{table}" SET number = number + 1 WHERE id = 1',  # noqa: S608
    )


def _postgresql_functions() -> tuple[str, str]:
    return (
        """CREATE OR REPLACE FUNCTION commands_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% can''t be changed or deleted', TG_ARGV[0]
                USING ERRCODE = 'integrity_constraint_violation';
        END $$""",
        f"""CREATE OR REPLACE FUNCTION commands_count_revision() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {"; ".join(_count_up())};
            RETURN NULL;
        END $$""",
    )
