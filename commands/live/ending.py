"""Have an execution or a connection ended, whichever process or machine has it: that one looks for it all the time.

For views and management commands. Who ends it, and why, is recorded in the same transaction as the request: there is
none without its record.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.utils import timezone

from commands import audit
from commands.live import now
from commands.models import AuditEvent, Connection, EndRequest, Execution
from commands.outcome import Outcome

REASON = 200
"""Characters of a reason; a longer one is cut."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who ends something, and from where. `user_id` None: somebody on this machine, who has not logged in."""

    user_id: int | None
    username: str
    remote_addr: str | None
    tls: bool
    door: str = "web"


class Ended(NamedTuple):
    """How many are being ended."""

    executions: int
    connections: int

    def __str__(self) -> str:
        return f"{_count(self.executions, 'execution')} and {_count(self.connections, 'connection')}"


def end_execution(execution: Execution, reason: str, by: Actor) -> None:
    """Have it gone within a second. One that has ended meanwhile stays as it is.

    Returns after the COMMIT; raises audit.StoreUnavailable: then nothing is ended."""

    def unit() -> None:
        what = f"execution {str(execution.pk)[:8]} of {execution.username}"
        _record(by, what, reason, execution_id=execution.pk, verb=execution.verb)
        _request([execution], reason, by)

    audit.writer.submit_now(unit)


def end_connection(connection: Connection, reason: str, by: Actor) -> None:
    """As `end_execution`, with all that runs on it. Its client is told the reason."""

    def unit() -> None:
        _record(by, f"connection of {connection}", reason)
        _request([connection], reason, by)

    audit.writer.submit_now(unit)


def end_user(user_id: int, reason: str, by: Actor) -> Ended:
    """As `end_execution`, of all executions and connections that the user has now. They may log in again at once: a
    lock is what keeps them from running anything."""

    def unit() -> Ended:
        executions, connections = now.executions_of(user_id), now.connections_of(user_id)
        ended = Ended(len(executions), len(connections))
        _record(by, f"all of user {_username(user_id)} ({ended})", reason)
        _request([*executions, *connections], reason, by)
        return ended

    return audit.writer.submit_now(unit)


def _record(by: Actor, what: str, reason: str, **fields: Any) -> None:
    audit.record_event(
        kind=AuditEvent.Kind.CHANGE,
        outcome=Outcome.ENDED,
        reason=f"{what} ended: {reason.strip()[:REASON]}",
        actor_id=by.user_id,
        actor=by.username,
        remote_addr=by.remote_addr,
        tls=by.tls,
        door=by.door,
        **fields,
    )


def _request(targets: Iterable[Execution | Connection], reason: str, by: Actor) -> None:
    made_at = timezone.now()
    EndRequest.objects.bulk_create(
        [
            EndRequest(target=each.pk, reason=reason.strip()[:REASON], made_by=by.username[:150], made_at=made_at)
            for each in targets
        ],
        ignore_conflicts=True,  # two may want the same at the same time
    )


def _username(user_id: int) -> str:
    name = User.objects.filter(pk=user_id).values_list("username", flat=True).first()
    return name or f"number {user_id}"


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
