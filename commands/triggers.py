"""Database triggers: the audit record can only grow, and whatever changes the map counts its revision up.

Triggers, since SQL by hand and `queryset.update()` pass by Django's signals and `save()`. They are made after each
`migrate`, not by a migration: on SQLite Django alters a table by making it anew, and its triggers go with the old one.
A migration that alters the revision's own table must drop those that count first: SQLite refuses it otherwise.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from commands.models import ActionVerb, AuditEvent, Lock, MapRevision, Parameter, Rule, Signature, Tag, Verb


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
        for trigger in TRIGGERS[connection.vendor]():
            if trigger.table not in tables:
                continue
            cursor.execute(drop_statement(trigger, connection.vendor))
            # After `migrate commands zero`, one that counts what is not there would refuse every change of a user.
            if can_count or not trigger.counts:
                cursor.execute(trigger.create)
        if can_count:
            for statement in _count_up():  # something may have changed while there were no triggers
                cursor.execute(statement)


def drop_statement(trigger: Trigger, vendor: str) -> str:
    on_table = f' ON "{trigger.table}"' if vendor == "postgresql" else ""
    return f'DROP TRIGGER IF EXISTS "{trigger.name}"{on_table}'


def _counted() -> Iterator[tuple[str, Sequence[str]]]:
    """The tables that authorization decides on, and which changes of each count."""
    user = get_user_model()
    for model in (Verb, Signature, Parameter, Tag, Verb.tags.through, Rule, Lock, ActionVerb, user.groups.through):
        yield model._meta.db_table, ("INSERT", "UPDATE", "DELETE")
    # Not every column of a user: each login updates last_login. INSERT too: SQLite's REPLACE fires nothing else.
    yield user._meta.db_table, ("INSERT", f"UPDATE OF is_active, {user.USERNAME_FIELD}", "DELETE")


def _count_up() -> tuple[str, str]:
    """Two statements and no upsert: in SQLite the OR IGNORE of who fires a trigger overrides an upsert in it."""
    table = MapRevision._meta.db_table
    return (
        f'INSERT INTO "{table}" (id, number) SELECT 1, 0 WHERE NOT EXISTS (SELECT 1 FROM "{table}" WHERE id = 1)',  # noqa: S608
        f'UPDATE "{table}" SET number = number + 1 WHERE id = 1',  # noqa: S608
    )


def _sqlite_triggers() -> Iterator[Trigger]:
    table = AuditEvent._meta.db_table
    refuse = "BEGIN SELECT RAISE(ABORT, 'audit events can''t be changed or deleted'); END"
    for event, when in (
        ("UPDATE", ""),
        ("DELETE", ""),
        # INSERT OR REPLACE deletes a row without firing DELETE triggers
        ("INSERT", f'WHEN EXISTS (SELECT 1 FROM "{table}" WHERE id = NEW.id)'),  # noqa: S608
    ):
        name = f"{table}_append_only_{event.lower()}"
        yield Trigger(name, table, f'CREATE TRIGGER "{name}" BEFORE {event} ON "{table}" {when} {refuse}', False)
    count = f"BEGIN {'; '.join(_count_up())}; END"
    for table, events in _counted():
        for event in events:
            name = f"{table}_revision_{event.split()[0].lower()}"
            yield Trigger(name, table, f'CREATE TRIGGER "{name}" AFTER {event} ON "{table}" {count}', True)


def _postgresql_triggers() -> Iterator[Trigger]:
    table = AuditEvent._meta.db_table
    name = f"{table}_append_only"
    yield Trigger(
        name,
        table,
        f'CREATE TRIGGER "{name}" BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}" '
        "FOR EACH STATEMENT EXECUTE FUNCTION commands_append_only()",
        False,
    )
    for table, events in _counted():
        name = f"{table}_revision"
        yield Trigger(
            name,
            table,
            f'CREATE TRIGGER "{name}" AFTER {" OR ".join((*events, "TRUNCATE"))} ON "{table}" '
            "FOR EACH STATEMENT EXECUTE FUNCTION commands_count_revision()",
            True,
        )


def _postgresql_functions() -> tuple[str, str]:
    return (
        """CREATE OR REPLACE FUNCTION commands_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'audit events can''t be changed or deleted'
                USING ERRCODE = 'integrity_constraint_violation';
        END $$""",
        f"""CREATE OR REPLACE FUNCTION commands_count_revision() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {"; ".join(_count_up())};
            RETURN NULL;
        END $$""",
    )


TRIGGERS: dict[str, Callable[[], Iterator[Trigger]]] = {
    "sqlite": _sqlite_triggers,
    "postgresql": _postgresql_triggers,
}
