"""On PostgreSQL the large tables of the record become partitioned by month; on other databases nothing changes.

Their primary keys become (id, at), since PostgreSQL wants the time in every unique index of such a table. Django goes
on as if it were id: the sequence gives each number once.
"""

from datetime import UTC, datetime

from django.db import migrations, models

from commands import partitions


def partition(apps, editor):
    for table in partitions.TABLES if editor.connection.vendor == "postgresql" else ():
        rebuild(editor, table, partitioned=True)


def join(apps, editor):
    for table in partitions.TABLES if editor.connection.vendor == "postgresql" else ():
        rebuild(editor, table, partitioned=False)


def rebuild(editor, table, partitioned):
    """Make the table anew with all that it has, partitioned or not, and move its rows."""
    old = f"{table}_old"
    with editor.connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(f"SELECT pg_get_serial_sequence('{table}', 'id')")
        (sequence,) = cursor.fetchone()
        cursor.execute(f"SELECT last_value, is_called FROM {sequence}")
        counted = cursor.fetchone()
        cursor.execute(
            "SELECT replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index "
            "WHERE indrelid = to_regclass(%s) AND NOT indisprimary",
            [table],
        )
        indexes = [definition for (definition,) in cursor.fetchall()]
        cursor.execute(f"SELECT min(at) FROM {table}")
        (oldest,) = cursor.fetchone()
        for each in partitions.partitions(cursor, table):
            cursor.execute(f"ALTER TABLE {each} RENAME TO {each}_old")
        cursor.execute(f"ALTER TABLE {table} RENAME TO {old}")
        cursor.execute(
            f"CREATE TABLE {table} (LIKE {old} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING IDENTITY "
            "INCLUDING STORAGE)" + (" PARTITION BY RANGE (at)" if partitioned else "")
        )
        if partitioned:
            make_partitions(editor.connection, cursor, table, oldest)
        cursor.execute(f"INSERT INTO {table} SELECT * FROM {old}")
        cursor.execute(f"DROP TABLE {old}")
        cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({'id, at' if partitioned else 'id'})")
        for definition in indexes:
            cursor.execute(definition)
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), %s, %s)", counted)


def make_partitions(connection, cursor, table, oldest):
    partitions.make_default(connection, cursor, table)
    now = datetime.now(UTC)
    month, last = partitions.Month.of(oldest or now), partitions.Month.of(now).next
    while month <= last:
        partitions.make(connection, cursor, table, month)
        month = month.next


class Migration(migrations.Migration):
    dependencies = [("commands", "0003_policy_and_record")]

    operations = [
        migrations.AlterModelOptions(
            name='auditevent',
            options={'ordering': ['-at', '-pk']},
        ),
        migrations.RemoveIndex(
            model_name='auditevent',
            name='auditevent_actor',
        ),
        migrations.RemoveIndex(
            model_name='auditevent',
            name='auditevent_verb',
        ),
        migrations.RemoveIndex(
            model_name='auditevent',
            name='auditevent_outcome',
        ),
        migrations.RemoveIndex(
            model_name='auditevent',
            name='auditevent_rejects',
        ),
        migrations.RemoveIndex(
            model_name='execution',
            name='execution_username',
        ),
        migrations.RemoveIndex(
            model_name='execution',
            name='execution_outcome',
        ),
        migrations.RunPython(partition, join),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['actor', 'at'], name='auditevent_actor', opclasses=['varchar_pattern_ops', 'timestamptz_ops']),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['verb', 'at'], name='auditevent_verb'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['remote_addr', 'at'], name='auditevent_address'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(condition=models.Q(('outcome__in', ('accepted', 'exit', 'ok', 'logout')), _negated=True), fields=['outcome', 'at'], name='auditevent_outcome'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(condition=models.Q(('kind', 'reject')), fields=['at'], name='auditevent_rejects'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(condition=models.Q(('kind', 'alert')), fields=['at'], name='auditevent_alerts'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(condition=models.Q(('kind', 'change')), fields=['at'], name='auditevent_changes'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(condition=models.Q(('kind', 'view')), fields=['at'], name='auditevent_views'),
        ),
        migrations.AddIndex(
            model_name='execution',
            index=models.Index(fields=['username', 'started'], name='execution_username', opclasses=['varchar_pattern_ops', 'timestamptz_ops']),
        ),
        migrations.AddIndex(
            model_name='execution',
            index=models.Index(condition=models.Q(('outcome', '')), fields=['started'], name='execution_running'),
        ),
        migrations.AddIndex(
            model_name='execution',
            index=models.Index(condition=models.Q(('outcome__in', ('', 'exit')), _negated=True), fields=['outcome', 'started'], name='execution_outcome'),
        ),
    ]
