"""How it came out, in words for who sits at the page, with links to the record for who may read that."""

import uuid
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.urls import reverse

from commands.attempt import Attempt, End
from commands.audit_text import visible
from commands.authorization import Refused
from commands.models import AuditEvent
from commands.outcome import Outcome

ENDS = {
    Outcome.CANCELED: "canceled",
    Outcome.REVOKED: "ended by an administrator: the right to it was taken away",
    Outcome.ENDED: "ended by an administrator",
    Outcome.SHUTDOWN: "canceled: the server is shutting down",
    Outcome.TIMEOUT: "ended: it took too long",
    Outcome.LIMIT: "ended: it went over its limit of input or output",
    Outcome.AUDIT_LOST: "ended: it can't be recorded any more",
}

Link = tuple[str, str]
"""Text and address."""


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    good: bool
    links: tuple[Link, ...] = ()


def of_end(verb: str, end: End, execution: uuid.UUID | None, reader: User) -> Note:
    """`execution`: None if it was ended before it had started. Reads the database."""
    events = AuditEvent.objects.filter(execution_id=execution, kind=AuditEvent.Kind.EXIT)
    links = _links(None if execution is None else events.order_by("-id").first(), reader)
    if execution is not None and reader.has_perm("commands.view_execution"):
        links = (("execution", reverse("admin:commands_execution_change", args=[execution])), *links)
    why = f" ({visible(end.reason)})" if end.reason and reader.has_perm("commands.view_auditevent") else ""
    return Note(f"{verb}: {_outcome(end)}{why}", end.outcome is Outcome.EXIT and end.code == 0, links)


def of_refusal(attempt: Attempt, refused: Refused, reader: User) -> Note:
    """What a client is told and, for who may read it, what the record says: the rule that refused it. Reads the
    database."""
    event = None
    if refused.outcome is not Outcome.UNAVAILABLE and reader.has_perm("commands.view_auditevent"):
        event = (
            AuditEvent.objects.filter(kind=AuditEvent.Kind.REJECT, door=attempt.door, actor_id=attempt.user_id)
            .filter(verb=attempt.verb, outcome__in=_recorded_as(refused.outcome))
            .order_by("-id")
            .first()
        )
    links = _links(event, reader)
    if event is not None and reader.has_perms(("commands.view_rule", "commands.view_verb")):
        links = (*links, ("why?", f"{reverse('admin:commands_rule_explain')}?event={event.pk}"))
    says = f" The record says: {visible(event.reason)}." if event is not None and event.reason else ""
    return Note(f"Refused: {refused.text}.{says}", False, links)


def _recorded_as(outcome: Outcome) -> list[Outcome]:
    return [outcome, Outcome.NOVERB] if outcome is Outcome.NOPERM else [outcome]


def _outcome(end: End) -> str:
    if end.outcome is Outcome.EXIT:
        return f"exit {end.code}"
    if end.outcome is Outcome.SIGNAL:
        return f"killed by signal {end.code}"
    return ENDS.get(end.outcome, f"ended: {end.outcome}")


def _links(event: AuditEvent | None, reader: User) -> tuple[Link, ...]:
    if event is None or not reader.has_perm("commands.view_auditevent"):
        return ()
    return (("audit event", reverse("admin:commands_auditevent_change", args=[event.pk])),)
