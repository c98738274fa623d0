"""The only writer of audit events: what goes into one, and the writer that commits it."""

import asyncio
import ipaddress
import logging
import os
import socket
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from commands import rows
from commands.attempt import Accepted, End
from commands.audit_text import Redacted, decode_arguments, encode_arguments, printable, visible
from commands.audit_writer import StoreUnavailable, Writer
from commands.models import AuditEvent, Execution
from commands.outcome import Outcome

__all__ = [
    "Redacted",
    "StoreUnavailable",
    "Writer",
    "decode_arguments",
    "encode_arguments",
    "insert_execution",
    "printable",
    "record_event",
    "record_exit",
    "record_login",
    "redact",
    "writer",
]

logger = logging.getLogger(__name__)

writer = Writer()

# An exit that is not recorded leaves an execution that seems to run for ever, so it is worth waiting for; but
# the tagged end waits with it.
EXIT_PAUSES = (0.2, 1.0)


Arguments = tuple[bytes | Redacted, ...]


def redact(secret: bytes, user_id: int) -> Redacted:
    """What is recorded in its place: enough to see that one user gave the same one again, of no use without the key."""
    digest = salted_hmac(f"commands.audit.redact {user_id}", secret, algorithm="sha256").digest()
    return Redacted(len(secret), digest)


def record_event(*, arguments: Arguments = (), **fields: Any) -> AuditEvent:
    """Insert one audit event with these fields of the model. Inside a unit of the writer only.

    A value that its column would refuse is changed until it fits: what somebody sends must not keep the record
    of it from being written.
    """
    event = AuditEvent(
        at=timezone.now(),
        node=f"{socket.gethostname()}:{os.getpid()}",
        arguments=encode_arguments(arguments),
        arguments_text=" ".join(map(printable, arguments)),
        **{name: _fitting(name, value) for name, value in fields.items()},
    )
    rows.insert(event)
    return event


def insert_execution(accepted: Accepted, arguments: Arguments) -> None:
    """Insert the summary of an execution that may start now. Inside the unit that records the accept.

    `arguments`: as they are recorded, the secret ones redacted.
    """
    attempt = accepted.attempt
    rows.insert(
        Execution(
            id=accepted.execution_id,
            user_id=attempt.user_id,
            username=_fitting("actor", attempt.username)[:150],
            verb=accepted.verb.name,
            arguments_text=" ".join(map(printable, arguments)),
            door=attempt.door,
            remote_addr=_fitting("remote_addr", attempt.remote_addr),
            tls=attempt.tls,
            started=timezone.now(),
        )
    )


async def record_login(
    *,
    username: str,
    user_id: int | None,
    outcome: Outcome,
    remote_addr: str | None,
    tls: bool,
    door: str = "imap",
    reason: str = "",
) -> None:
    """Record that somebody logged in, or failed to. It only logs if the store is away: mail goes on without."""
    try:
        await writer.submit(
            lambda: record_event(
                kind=AuditEvent.Kind.LOGIN,
                outcome=outcome,
                reason=reason,
                actor_id=user_id,
                actor=username,
                remote_addr=remote_addr,
                tls=tls,
                door=door,
            )
        )
    except StoreUnavailable:
        logger.exception("Not recorded: login of %r from %s: %s", username, remote_addr, outcome)


async def record_exit(accepted: Accepted, end: End) -> None:
    """Record how an execution ended, and complete its summary. Tried again, then logged as an error."""
    for pause in (*EXIT_PAUSES, None):
        try:
            await writer.submit(lambda: write_exit(accepted, end.outcome, "", end))
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
    completed = rows.update(
        Execution,
        values={
            "outcome": outcome,
            "ended": timezone.now(),
            "exit_code": code,
            "bytes_in": bytes_in,
            "bytes_out": bytes_out,
        },
        where={"id": accepted.execution_id, "outcome": ""},
    )
    if not completed and _has_exit(accepted):  # without a summary the evidence is written all the same
        return  # an earlier try came through after its time-out
    record_event(
        kind=AuditEvent.Kind.EXIT,
        outcome=outcome,
        reason=reason,
        actor_id=attempt.user_id,
        actor=attempt.username,
        remote_addr=attempt.remote_addr,
        tls=attempt.tls,
        door=attempt.door,
        execution_id=accepted.execution_id,
        verb=accepted.verb.name,
        revision=accepted.revision,
        exit_code=code,
        bytes_in=bytes_in,
        bytes_out=bytes_out,
        duration=timedelta(seconds=end.seconds if end else 0),
    )


def _has_exit(accepted: Accepted) -> bool:
    return AuditEvent.objects.filter(execution_id=accepted.execution_id, kind=AuditEvent.Kind.EXIT).exists()


def _fitting(name: str, value: Any) -> Any:
    field = AuditEvent._meta.get_field(name)
    if isinstance(field, models.GenericIPAddressField):
        return _address(value)
    if isinstance(field, models.CharField) and field.max_length is not None:
        text = visible(value)
        return text if len(text) <= field.max_length else text[: field.max_length - 1] + "…"
    return value


def _address(value: str | None) -> str | None:
    try:
        # PostgreSQL's inet knows no zone, as in fe80::1%eth0
        return str(ipaddress.ip_address((value or "").partition("%")[0]))
    except ValueError:
        return None
