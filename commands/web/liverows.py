"""Rows of the live page, as its template and its socket show them: text that is safe to read, and addresses."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.urls import reverse

from commands.models import Connection, Execution
from commands.web.text import visible

Row = dict[str, str | int]
"""`key`, `user_id`; `since` in milliseconds since 1970; all else is text to show, or an address."""

ARGUMENTS_LENGTH = 300  # what a table has room for; the execution's own page has all of them


def connection_row(connection: Connection) -> Row:
    return {
        **_common(connection, connection.since),
        "end": end_address(connection=connection.pk),
    }


def execution_row(execution: Execution) -> Row:
    return {
        **_common(execution, execution.started),
        "verb": visible(execution.verb),
        "arguments": _cut(visible(execution.arguments_text)),
        "page": reverse("admin:commands_execution_change", args=[execution.pk]),
        "watch": reverse("admin:commands_execution_watch", args=[execution.pk]),
        "end": end_address(execution=execution.pk),
    }


def _common(thing: Connection | Execution, since: datetime) -> Row:
    return {
        "key": str(thing.pk),
        "user_id": thing.user_id,
        "since": milliseconds(since),
        "at": since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "user": visible(thing.username),
        "from": thing.remote_addr or "this machine",
        "how": f"{thing.door}{', TLS' if thing.tls else ''}",
        "client": visible(thing.client_id),
        "node": visible(thing.node),
    }


def end_address(**target: object) -> str:
    """Where a person says why something shall end: `execution=`, `connection=` or `user=`, its key."""
    return f"{reverse('admin:commands_connection_end')}?{urlencode(target)}"


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _cut(text: str) -> str:
    return text if len(text) <= ARGUMENTS_LENGTH else text[: ARGUMENTS_LENGTH - 1] + "…"
