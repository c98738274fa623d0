"""The only writer of audit events: what goes into one, and the writer that commits it."""

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any, TypeVar

from django.db import models
from django.db.models.base import ModelState
from django.utils import timezone
from django.utils.crypto import salted_hmac

from commands import metrics, rows
from commands.attempt import Accepted, End
from commands.audit_text import Redacted, decode_arguments, encode_arguments, printable, visible
from commands.audit_writer import StoreUnavailable, Writer
from commands.evidence import head
from commands.models import AuditEvent, Connection, Execution
from commands.outcome import Outcome

__all__ = [
    "Redacted",
    "StoreUnavailable",
    "Writer",
    "decode_arguments",
    "encode_arguments",
    "insert_connection",
    "insert_execution",
    "printable",
    "record",
    "record_all_now",
    "record_event",
    "record_exit",
    "record_login",
    "record_now",
    "redact",
    "writer",
]

logger = logging.getLogger(__name__)

writer = Writer()
metrics.AUDIT_QUEUE.set_function(writer.waiting)
metrics.AUDIT_LAG.set_function(writer.lag)

# An exit that is not recorded leaves an execution that seems to run for ever, so it is worth waiting for; but
# the tagged end waits with it.
EXIT_PAUSES = (0.2, 1.0)


Arguments = tuple[bytes | Redacted, ...]
M = TypeVar("M", bound=models.Model)


def redact(secret: bytes, user_id: int) -> Redacted:
    """What is recorded in its place: enough to see that one user gave the same one again, of no use without the key."""
    digest = salted_hmac(f"commands.audit.redact {user_id}", secret, algorithm="sha256").digest()
    return Redacted(len(secret), digest)


def record_event(*, arguments: Arguments = (), **fields: Any) -> AuditEvent:
    """Insert one audit event with these fields of the model, sealed. Inside a unit of the writer only.

    A value that its column would refuse is changed until it fits: what somebody sends must not keep the record
    of it from being written.
    """
    chain = head.current()
    values = _DEFAULTS | {name: _FITTING[name](value) if name in _FITTING else value for name, value in fields.items()}
    values["at"] = timezone.now()
    values["node"] = chain.node
    values["arguments"] = encode_arguments(arguments)
    values["arguments_text"] = " ".join(map(printable, arguments))
    chain.seal(values)
    return _insert(AuditEvent, values)


async def record(**fields: Any) -> None:
    """Record one event by itself, with the fields of `record_event`; it is committed when this returns.

    Raises StoreUnavailable."""
    await writer.submit(lambda: record_event(**fields))


def record_now(**fields: Any) -> None:
    """As `record`, for a thread that may block: a view, a command, a signal's receiver."""
    record_all_now([fields])


def record_all_now(events: Sequence[Mapping[str, Any]]) -> None:
    """As `record_now`, for several: all of them are recorded, or none."""
    writer.submit_now(lambda: [record_event(**fields) for fields in events])


def insert_execution(accepted: Accepted, arguments: Arguments) -> None:
    """Insert the summary of an execution that may start now. Inside the unit that records the accept.

    `arguments`: as they are recorded, the secret ones redacted.
    """
    attempt, chain = accepted.attempt, head.current()
    values = {
        "id": accepted.execution_id,
        "user_id": attempt.user_id,
        "username": _fit(attempt.username, 150),
        "verb": accepted.verb.name,
        "arguments_text": " ".join(map(printable, arguments)),
        "door": attempt.door,
        "remote_addr": _address(attempt.remote_addr),
        "tls": attempt.tls,
        "client_id": _fit(attempt.client_id, 400),
        "chain_id": chain.chain(),
        "node": chain.node,
        "transcript": accepted.verb.transcript,
        "started": timezone.now(),
        "ended": None,
        "outcome": "",
        "exit_code": None,
        "bytes_in": 0,
        "bytes_out": 0,
    }
    _insert(Execution, values)


def insert_connection(**fields: Any) -> None:
    """Insert the row of a connection with these fields of the model, but for those of its process. Inside a unit."""
    chain = head.current()
    values = {
        **fields,
        "username": _fit(fields["username"], 150),
        "remote_addr": _address(fields["remote_addr"]),
        "client_id": _fit(fields["client_id"], 400),
        "chain_id": chain.chain(),
        "node": chain.node,
    }
    _insert(Connection, values)


async def record_login(
    *,
    username: str,
    user_id: int | None,
    outcome: Outcome,
    remote_addr: str | None,
    tls: bool,
    client_id: str = "",
    door: str = "imap",
    reason: str = "",
    and_do: Callable[[], None] | None = None,
) -> bool:
    """Record that somebody logged in, or failed to. It only logs, and returns False, if the store is away: mail goes
    on without. `and_do` is a unit that goes with it."""
    metrics.LOGINS.labels(door, outcome).inc()

    def unit() -> None:
        record_event(
            kind=AuditEvent.Kind.LOGIN,
            outcome=outcome,
            reason=reason,
            actor_id=user_id,
            actor=username,
            remote_addr=remote_addr,
            tls=tls,
            client_id=client_id,
            door=door,
        )
        if and_do is not None:
            and_do()

    try:
        await writer.submit(unit)
    except StoreUnavailable:
        logger.exception("Not recorded: login of %r from %s: %s", username, remote_addr, outcome)
        return False
    return True


async def record_exit(accepted: Accepted, end: End) -> None:
    """Record how an execution ended, and complete its summary. Tried again, then logged as an error."""
    metrics.EXECUTIONS.labels(accepted.verb.name, end.outcome).inc()
    metrics.DURATION.labels(accepted.verb.name).observe(end.seconds)
    for pause in (*EXIT_PAUSES, None):
        try:
            await writer.submit(lambda: write_exit(accepted, end.outcome, end.reason, end))
            return
        except StoreUnavailable:
            if pause is None:
                logger.exception("Not recorded: exit of execution %s: %s", accepted.execution_id, end)
            else:
                await asyncio.sleep(pause)


def write_exit(accepted: Accepted, outcome: Outcome, reason: str, end: "End | None") -> None:
    """Write the exit event and complete the summary, once. Inside a unit; `end` is None if nothing has run."""
    attempt = accepted.attempt
    code, bytes_in, bytes_out = (end.code, end.bytes_in, end.bytes_out) if end else (None, 0, 0)
    values = {
        "outcome": outcome,
        "ended": timezone.now(),
        "exit_code": code,
        "bytes_in": bytes_in,
        "bytes_out": bytes_out,
    }
    # Another process may have taken this one for dead, and it was not.
    if not any(_complete(accepted, was, values) for was in ("", Outcome.LOST)) and _has_exit(accepted):
        return  # an earlier try came through after its time-out; without a summary the evidence is written all the same
    record_event(
        kind=AuditEvent.Kind.EXIT,
        outcome=outcome,
        reason=reason,
        actor_id=attempt.user_id,
        actor=attempt.username,
        remote_addr=attempt.remote_addr,
        tls=attempt.tls,
        client_id=attempt.client_id,
        door=attempt.door,
        execution_id=accepted.execution_id,
        verb=accepted.verb.name,
        revision=accepted.revision,
        exit_code=code,
        bytes_in=bytes_in,
        bytes_out=bytes_out,
        duration=timedelta(seconds=end.seconds if end else 0),
        transcript_digest=end.transcript_digest if end else None,
    )


def _complete(accepted: Accepted, was: str, values: dict[str, Any]) -> int:
    return rows.update(Execution, values=values, where={"id": accepted.execution_id, "outcome": was})


def _has_exit(accepted: Accepted) -> bool:
    exits = AuditEvent.objects.filter(execution_id=accepted.execution_id, kind=AuditEvent.Kind.EXIT)
    return exits.exclude(outcome=Outcome.LOST).exists()


def _insert(model: type[M], values: dict[str, Any]) -> M:
    # A model's own way to take its fields costs as much as all else that is done for one.
    row = model.__new__(model)
    row.__dict__.update(values)
    row._state = ModelState()
    rows.insert(row)
    return row


def _fit(value: str, length: int) -> str:
    if not value:
        return value
    text = visible(value)
    return text if len(text) <= length else text[: length - 1] + "…"


@lru_cache(maxsize=1024)
def _address(value: str | None) -> str | None:
    try:
        # PostgreSQL's inet knows no zone, as in fe80::1%eth0
        return str(ipaddress.ip_address((value or "").partition("%")[0]))
    except ValueError:
        return None


def _fitting() -> Iterator[tuple[str, Callable[[Any], Any]]]:
    for field in AuditEvent._meta.concrete_fields:
        if isinstance(field, models.GenericIPAddressField):
            yield field.name, _address
        elif isinstance(field, models.CharField) and field.max_length is not None:
            yield field.name, partial(_fit, length=field.max_length)


_FITTING = dict(_fitting())
_DEFAULTS: dict[str, Any] = {
    field.attname: field.get_default() for field in AuditEvent._meta.concrete_fields if not field.primary_key
}
