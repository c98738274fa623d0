"""What benchmarks.record fills the tables with: attempts of 20,000 users over months, a few of whom do most.

Two events make an attempt: accept and exit (80 of 100), two logins (15) or two refusals (5); one attempt in 2,500 is an
alert, a change of the map or a look at a transcript. Everything follows from the attempt's number alone.
"""

from datetime import UTC, datetime, timedelta

USERS = 20_000

ATTEMPTS = f"""
    SELECT n, draw, draw % 100 AS share, md5(n::text)::uuid AS execution_id,
           floor({USERS} * power((draw / 100 % 10000) / 10000.0, 3))::bigint AS who,
           (ARRAY['calendar','calendar','calendar','blacklist','blacklist','send','send','forward','vacation','sieve',
                  'voicemail','passwd'])[CASE WHEN draw % 997 = 0 THEN 12 ELSE 1 + draw / 1000 % 11 END] AS verb,
           %(start)s::timestamptz + (n + draw % 1000 / 1000.0) * %(step)s::interval AS at,
           'add sender' || draw / 7 % 100000 || '@example.net' AS arguments_text
    FROM (SELECT n, hashint8(n)::bigint & 2147483647 AS draw FROM generate_series(%(first)s, %(last)s) n) numbers
"""

USER = "'user' || who || '@example.org'"
ADDRESS = "('10.' || who / 65536 || '.' || who / 256 % 256 || '.' || who % 256)::inet"
ACCEPTED = "n % 2500 > 2 AND share < 80"
END = "CASE WHEN draw % 10007 = 0 THEN 'timeout' WHEN draw % 5003 = 0 THEN 'signal' ELSE 'exit' END"

INSERT_EVENTS = f"""
    INSERT INTO commands_auditevent (at, kind, outcome, reason, actor_id, actor, remote_addr, tls, client_id, door,
        execution_id, verb, revision, rule_id, rule, arguments, arguments_text, exit_code, bytes_in, bytes_out,
        duration, node, chain_id, sequence, epoch, mac)
    SELECT at + half * interval '300 ms', kind, CASE kind
               WHEN 'accept' THEN 'accepted' WHEN 'exit' THEN {END}
               WHEN 'login' THEN CASE WHEN draw % 31 = 0 THEN 'failed' ELSE 'ok' END
               WHEN 'reject' THEN CASE WHEN draw % 2003 = 0 THEN 'unparsable' WHEN draw % 3 = 0 THEN 'usage'
                                       WHEN draw % 3 = 1 THEN 'noverb' ELSE 'noperm' END
               WHEN 'alert' THEN 'locked-out' ELSE 'ok' END,
           CASE WHEN kind = 'reject' THEN 'no rule allows it' ELSE '' END, who, {USER}, {ADDRESS}, true,
           'name=Thunderbird', 'imap', CASE WHEN kind IN ('accept', 'exit') THEN execution_id END,
           CASE WHEN kind IN ('accept', 'exit', 'reject') THEN verb ELSE '' END, 12, 3,
           CASE WHEN kind IN ('accept', 'reject') THEN 'allow everyone: all verbs' ELSE '' END,
           CASE WHEN kind IN ('accept', 'reject') THEN convert_to('3:add,' || arguments_text, 'UTF8') ELSE '' END,
           CASE WHEN kind IN ('accept', 'reject') THEN arguments_text ELSE '' END,
           CASE kind WHEN 'exit' THEN 0 END, CASE kind WHEN 'exit' THEN 0 END,
           CASE kind WHEN 'exit' THEN draw % 5000 END,
           CASE WHEN kind = 'exit' THEN interval '300 ms' END, 'mail1:4242', md5('chain')::uuid, 2 * n + half + 1, 1,
           sha256(int8send(2 * n + half))
    FROM (SELECT *, CASE WHEN n % 2500 = 0 THEN 'alert' WHEN n % 2500 = 1 THEN 'change' WHEN n % 2500 = 2 THEN 'view'
                         WHEN share < 80 THEN CASE half WHEN 0 THEN 'accept' ELSE 'exit' END
                         WHEN share < 95 THEN 'login' ELSE 'reject' END AS kind
          FROM ({ATTEMPTS}) attempts, generate_series(0, 1) half) events
    ORDER BY n, half
"""

INSERT_EXECUTIONS = f"""
    INSERT INTO commands_execution (id, user_id, username, verb, arguments_text, door, remote_addr, tls, client_id,
        chain_id, node, transcript, started, ended, outcome, exit_code, bytes_in, bytes_out)
    SELECT execution_id, who, {USER}, verb, arguments_text, 'imap', {ADDRESS}, true, 'name=Thunderbird',
           md5('chain')::uuid, 'mail1:4242', 'none', at, at + interval '300 ms', {END}, 0, 0, draw % 5000
    FROM ({ATTEMPTS}) attempts WHERE {ACCEPTED}
"""

BATCH = 250_000  # attempts


def fill(rows: int, months: int) -> None:
    """Fill the tables, which are empty. Their indexes are made anew after it, which takes a tenth of the time."""
    from django.db import connection

    from commands import partitions
    from commands.models import AuditEvent, Execution

    end = datetime.now(UTC)
    start = end - timedelta(days=months * 365.25 / 12)
    with connection.cursor() as cursor:
        month = partitions.Month.of(start)
        while month < partitions.Month.of(end):
            partitions.make(connection, cursor, AuditEvent._meta.db_table, month)
            month = month.next
    for model in (AuditEvent, Execution):
        with connection.schema_editor() as editor:
            for index in model._meta.indexes:
                editor.remove_index(model, index)
    attempts = rows // 2
    step = (end - start) / (attempts + 1)
    with connection.cursor() as cursor:
        for first in range(0, attempts, BATCH):
            last = min(first + BATCH, attempts) - 1
            parameters = {"start": start, "step": step, "first": first, "last": last}
            cursor.execute(INSERT_EVENTS.replace("% ", "%% "), parameters)
            cursor.execute(INSERT_EXECUTIONS.replace("% ", "%% "), parameters)
    for model in (AuditEvent, Execution):
        with connection.schema_editor() as editor:
            for index in model._meta.indexes:
                editor.add_index(model, index)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE commands_execution SET outcome = '', ended = NULL WHERE started > %s", [end - 40 * step])
        cursor.execute("VACUUM ANALYZE commands_auditevent")  # as autovacuum does after a while
        cursor.execute("VACUUM ANALYZE commands_execution")


def described() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM commands_auditevent), (SELECT count(*) FROM commands_execution), "
            "pg_database_size(current_database()), current_setting('server_version')"
        )
        events, executions, size, version = cursor.fetchone()
    return (
        f"PostgreSQL {version}: {events:,} audit events and {executions:,} executions, {size / 1e9:.1f} GB with indexes"
    )


def sample() -> dict[str, str]:
    """What the pages' addresses are filled in with: values that are there."""
    from commands.models import AuditEvent, Execution

    recent = AuditEvent.objects.filter(kind="accept")[0]
    day = datetime.now(UTC) - timedelta(days=365)
    return {
        "busy": f"user{0}@example.org",
        "quiet": f"user{USERS - 1}@example.org",
        "prefix": "user1999",
        "address": "10.0.3.7",
        "network": "10.0.77.0/24",
        "day": f"{day:%Y-%m-%d}",
        "month": f"at_from={day - timedelta(days=30):%Y-%m-%d}&at_to={day:%Y-%m-%d}",
        "argument": recent.arguments_text.removeprefix("add ").partition("@")[0],
        "event": str(recent.pk),
        "execution": str(Execution.objects.all()[0].pk),
    }
