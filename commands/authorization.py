"""The one gate: what the map and the rules say now, the decision, and the record of it, in one hop to the store."""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.utils import timezone

from commands import audit, metrics, policy
from commands.arguments.signature import build_argv
from commands.attempt import Accepted, Attempt
from commands.conditions import Unknown
from commands.judgement import NOT_PERMITTED, Allowed, Rejected, judge, why_no_longer
from commands.models import AuditEvent
from commands.outcome import Outcome
from commands.rulebook import limits
from commands.rulebook.known import Known, Party
from commands.verbmap import Snapshot, VerbEntry

__all__ = [
    "NOT_PERMITTED",
    "Refused",
    "action_verbs",
    "authorize",
    "reconsider",
    "record_limit",
    "takes_input",
    "visible_verbs",
]

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Refused(Exception):
    """Nothing has run. `text` is printable ASCII, for the client."""

    def __init__(self, outcome: Outcome, text: str) -> None:
        super().__init__(outcome, text)
        self.outcome = outcome
        self.text = text


async def authorize(attempt: Attempt) -> Accepted:
    """Decide an attempt and record it. When this returns, the accept is committed; raises Refused.

    Whoever calls must see to `audit.record_exit` from here on, whatever happens. An accept that is committed too
    late, when its caller has been refused or cancelled, is followed by an exit event here.
    """
    execution_id = uuid.uuid4()
    try:
        answer = await audit.writer.submit(lambda: _judge(attempt, execution_id), undo=_not_started)
    except audit.StoreUnavailable as error:
        metrics.REFUSALS.labels(Outcome.UNAVAILABLE).inc()
        raise Refused(Outcome.UNAVAILABLE, "this can't be recorded now, so it was not run") from error
    if isinstance(answer, Rejected):
        metrics.REFUSALS.labels(answer.outcome).inc()
        # A verb that is not there is told apart in the record alone.
        raise Refused(Outcome.NOPERM if answer.outcome is Outcome.NOVERB else answer.outcome, answer.text)
    return answer


async def visible_verbs(user_id: int) -> tuple[VerbEntry, ...]:
    """The verbs that this user may run now in some way, from somewhere, by name. Nothing is recorded.

    Raises Refused if that can't be known.
    """
    return await _ask(lambda: _visible_verbs(user_id))


async def takes_input(user_id: int, verb: str) -> bool:
    """Whether the last argument of this verb is its input. Raises Refused if that can't be known."""
    return await _ask(lambda: _takes_input(user_id, verb))


async def action_verbs() -> frozenset[str]:
    """The words that stand before a verb, in capitals. Raises Refused if that can't be known."""
    return await _ask(lambda: _known.snapshot().action_verbs)


async def _ask(unit: Callable[[], T]) -> T:
    try:
        return await audit.writer.submit(unit)
    except audit.StoreUnavailable as error:
        raise Refused(Outcome.UNAVAILABLE, "the map can't be read now") from error


async def record_limit(attempt: Attempt) -> None:
    """Record an attempt that is refused since too much runs already. It only logs if the store is away."""
    metrics.REFUSALS.labels(Outcome.LIMIT).inc()
    rejected = Rejected(Outcome.LIMIT, "", "too many executions at once")
    try:
        await audit.writer.submit(lambda: _record_reject(_known.snapshot(), attempt, rejected, None))
    except audit.StoreUnavailable:
        logger.exception("Not recorded: attempt of %r to run %r, over the limit", attempt.username, attempt.verb)


_known = Known()


def _judge(attempt: Attempt, execution_id: uuid.UUID) -> Accepted | Rejected:
    """A unit of the writer: decide, and record what was decided."""
    party = _known.party(attempt.user_id)
    answer = _decide(party, attempt)
    if isinstance(answer, Rejected):
        _record_reject(party.snapshot, attempt, answer, party.snapshot.revision)
        return answer
    accepted = Accepted(
        execution_id=execution_id,
        attempt=attempt,
        verb=answer.verb,
        argv=build_argv(answer.verb.argv, answer.match.values, attempt.arguments),
        revision=party.snapshot.revision,
        started=time.monotonic(),
        match=answer.match,
    )
    arguments = _recorded_arguments(party.snapshot, attempt)
    audit.insert_execution(accepted, arguments)
    audit.record_event(
        kind=AuditEvent.Kind.ACCEPT,
        outcome=Outcome.ACCEPTED,
        revision=accepted.revision,
        execution_id=execution_id,
        **_about_rule(answer.rule),
        **_about(attempt, arguments),
    )
    return accepted


def _decide(party: Party, attempt: Attempt) -> Allowed | Rejected:
    answer = judge(party.snapshot, party.rules, party.subject, attempt, timezone.localtime())
    if isinstance(answer, Rejected) or party.subject is None:
        return answer
    return limits.exceeded(answer.decision.limits, party.subject, answer.verb.name, timezone.now()) or answer


def _visible_verbs(user_id: int) -> tuple[VerbEntry, ...]:
    party = _known.party(user_id)
    return tuple(entry for _, entry in sorted(party.snapshot.verbs.items()) if _may_run_in_some_way(party, entry))


def _takes_input(user_id: int, verb: str) -> bool:
    party = _known.party(user_id)
    entry = party.snapshot.verbs.get(verb)
    return entry is not None and entry.takes_input and _may_run_in_some_way(party, entry)


def _may_run_in_some_way(party: Party, entry: VerbEntry) -> bool:
    if party.subject is None:
        return False
    asked = policy.Request(party.subject, entry.name, timezone.localtime(), tags=entry.tags, unknown=Unknown.ALL)
    return policy.decide(party.rules, asked).allowed


def reconsider(accepted: Sequence[Accepted]) -> dict[uuid.UUID, str]:
    """Those that map, rules and locks as of now would not allow any more, by execution id, each with why in words.

    A unit of the writer, which writes nothing. Limits don't count: they are of what starts.
    """
    parties = _known.parties({each.attempt.user_id for each in accepted})
    now = timezone.localtime()
    reasons = {}
    for each in accepted:
        party = parties[each.attempt.user_id]
        reasons[each.execution_id] = why_no_longer(party.snapshot, party.rules, party.subject, each, now)
    return {execution_id: reason for execution_id, reason in reasons.items() if reason}


def _record_reject(snapshot: Snapshot, attempt: Attempt, rejected: Rejected, revision: int | None) -> None:
    audit.record_event(
        kind=AuditEvent.Kind.REJECT,
        outcome=rejected.outcome,
        reason=rejected.reason,
        revision=revision,
        **_about_rule(rejected.rule),
        **_about(attempt, _recorded_arguments(snapshot, attempt)),
    )


def _not_started(answer: Accepted | Rejected) -> None:
    """A unit of the writer: nobody was there any more to start what it had accepted."""
    if isinstance(answer, Accepted):
        audit.write_exit(answer, Outcome.UNAVAILABLE, "recorded too late: it was not started", None)


def _recorded_arguments(snapshot: Snapshot, attempt: Attempt) -> audit.Arguments:
    """The arguments with each that is, or may be, a secret redacted, whether the attempt is allowed or not."""
    hidden = snapshot.hidden_positions(attempt.verb, attempt.arguments)
    return tuple(
        audit.redact(argument, attempt.user_id) if place in hidden else argument
        for place, argument in enumerate(attempt.arguments)
    )


def _about(attempt: Attempt, arguments: audit.Arguments) -> dict[str, Any]:
    return {
        "actor_id": attempt.user_id,
        "actor": attempt.username,
        "remote_addr": attempt.remote_addr,
        "tls": attempt.tls,
        "client_id": attempt.client_id,
        "door": attempt.door,
        "verb": attempt.verb,
        "arguments": arguments,
    }


def _about_rule(rule: policy.Rule | None) -> dict[str, Any]:
    if rule is None:
        return {}
    # A lock's number is no rule's, so it stands in the words alone.
    return {"rule": rule.name} if rule.effect is policy.Effect.LOCK else {"rule_id": rule.id, "rule": rule.text}
