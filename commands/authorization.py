"""The one gate: what the map and the rules say now, the decision, and the record of it, in one hop to the store."""

import logging
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from commands import audit, policy
from commands.attempt import Accepted, Attempt
from commands.audit_text import visible_ascii
from commands.models import AuditEvent
from commands.outcome import Outcome
from commands.signature import (
    MAX_ARGUMENT_LENGTH,
    ArgumentLimitError,
    Match,
    UsageError,
    build_argv,
    hidden_positions,
    match_arguments,
    secret_in_argv,
)
from commands.snapshot import Snapshot, VerbEntry, load_snapshot, load_subject, read_revision

logger = logging.getLogger(__name__)

# A verb that is denied and one that is not there get the same: names of verbs are not told to whom they don't serve.
NOT_PERMITTED = "you may not run this verb, or there is none of this name"


class Refused(Exception):
    """Nothing has run. `text` is printable ASCII, for the client."""

    def __init__(self, outcome: Outcome, text: str) -> None:
        super().__init__(outcome, text)
        self.outcome = outcome
        self.text = text


@dataclass(frozen=True, slots=True)
class _Rejected:
    outcome: Outcome
    text: str  # for the client
    reason: str  # for the record
    rule: policy.Rule | None = None


@dataclass(frozen=True, slots=True)
class _Allowed:
    verb: VerbEntry
    match: Match
    rule: policy.Rule | None


async def authorize(attempt: Attempt) -> Accepted:
    """Decide an attempt and record it. When this returns, the accept is committed; raises Refused.

    Whoever calls must see to `audit.record_exit` from here on, whatever happens. An accept that is committed too
    late, when its caller has been refused or cancelled, is followed by an exit event here.
    """
    execution_id = uuid.uuid4()
    try:
        answer = await audit.writer.submit(lambda: _judge(attempt, execution_id), undo=_not_started)
    except audit.StoreUnavailable as error:
        raise Refused(Outcome.UNAVAILABLE, "this can't be recorded now, so it was not run") from error
    if isinstance(answer, _Rejected):
        # A verb that is not there is told apart in the record alone.
        raise Refused(Outcome.NOPERM if answer.outcome is Outcome.NOVERB else answer.outcome, answer.text)
    return answer


async def visible_verbs(user_id: int) -> tuple[VerbEntry, ...]:
    """The verbs that this user may run now, by name. Nothing is recorded. Raises Refused if that can't be known."""
    try:
        return await audit.writer.submit(lambda: _known.current().visible_verbs(user_id))
    except audit.StoreUnavailable as error:
        raise Refused(Outcome.UNAVAILABLE, "the map can't be read now") from error


async def takes_input(user_id: int, verb: str) -> bool:
    """Whether the last argument of this verb is its input. Raises Refused if that can't be known."""
    return any(entry.name == verb and entry.takes_input for entry in await visible_verbs(user_id))


async def action_verbs() -> frozenset[str]:
    """The words that stand before a verb, in capitals. Raises Refused if that can't be known."""
    try:
        return await audit.writer.submit(lambda: _known.current().snapshot.action_verbs)
    except audit.StoreUnavailable as error:
        raise Refused(Outcome.UNAVAILABLE, "the map can't be read now") from error


async def record_limit(attempt: Attempt) -> None:
    """Record an attempt that is refused since too much runs already. It only logs if the store is away."""
    rejected = _Rejected(Outcome.LIMIT, "", "too many executions at once")
    try:
        await audit.writer.submit(lambda: _record_reject(_known.current(), attempt, rejected, None))
    except audit.StoreUnavailable:
        logger.exception("Not recorded: attempt of %r to run %r, over the limit", attempt.username, attempt.verb)


class _Map:
    """One revision of the map, with the subjects that have asked for something under it.

    Users and groups count in the revision too, so a subject is read once in each.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._subjects: dict[int, policy.Subject | None] = {}
        self._visible: dict[int, tuple[VerbEntry, ...]] = {}

    def subject(self, user_id: int) -> policy.Subject | None:
        if user_id not in self._subjects:
            self._subjects[user_id] = load_subject(user_id)
        return self._subjects[user_id]

    def decide(self, subject: policy.Subject, verb: str) -> policy.Decision:
        return policy.decide(self.snapshot.rules, policy.Request(subject, verb, timezone.localtime()))

    def visible_verbs(self, user_id: int) -> tuple[VerbEntry, ...]:
        if user_id not in self._visible:
            subject = self.subject(user_id)
            self._visible[user_id] = tuple(
                entry
                for name, entry in sorted(self.snapshot.verbs.items())
                if subject is not None and self.decide(subject, name).allowed
            )
        return self._visible[user_id]


class _Known(threading.local):
    """The newest map that this thread has seen. Only the writer's asks, so it needs no lock."""

    map: _Map | None = None

    def current(self) -> _Map:
        """The map as it is now: the revision is read each time."""
        if self.map is None or self.map.snapshot.revision != read_revision():
            self.map = _Map(load_snapshot())
        return self.map


_known = _Known()


def _judge(attempt: Attempt, execution_id: uuid.UUID) -> Accepted | _Rejected:
    """A unit of the writer: decide, and record what was decided."""
    known = _known.current()
    answer = _decide(known, attempt)
    if isinstance(answer, _Rejected):
        _record_reject(known, attempt, answer, known.snapshot.revision)
        return answer
    accepted = Accepted(
        execution_id=execution_id,
        attempt=attempt,
        verb=answer.verb,
        argv=build_argv(answer.verb.argv, answer.match.values, attempt.arguments),
        revision=known.snapshot.revision,
        started=time.monotonic(),
        match=answer.match,
    )
    arguments = _recorded_arguments(known.snapshot, attempt)
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


def _decide(known: _Map, attempt: Attempt) -> _Allowed | _Rejected:
    subject = known.subject(attempt.user_id)
    if subject is None:
        return _Rejected(Outcome.NOPERM, NOT_PERMITTED, "no such user, or not active")
    if subject.username != attempt.username:
        # The program would act in the old name, which may be somebody else's by now.
        return _Rejected(Outcome.NOPERM, NOT_PERMITTED, f"the user is called {subject.username} now")
    decision = known.decide(subject, attempt.verb)
    entry = known.snapshot.verbs.get(attempt.verb)
    if entry is None:
        return _Rejected(Outcome.NOVERB, NOT_PERMITTED, "no such verb, or not enabled")
    if not decision.allowed:
        return _Rejected(Outcome.NOPERM, NOT_PERMITTED, decision.reason, decision.rule)
    if attempt.input_size is not None and not entry.takes_input:
        text = f"an argument of more than {MAX_ARGUMENT_LENGTH} bytes"
        return _Rejected(Outcome.LIMIT, text, text, decision.rule)
    # Refused when it was saved; a map that was written past the models is not believed.
    if fault := secret_in_argv(entry.argv, entry.signatures):
        return _Rejected(Outcome.UNAVAILABLE, f"{entry.name} is not available", fault, decision.rule)
    try:
        match = match_arguments(entry.name, entry.signatures, attempt.arguments, entry.takes_input)
    except ArgumentLimitError as error:
        return _Rejected(Outcome.LIMIT, visible_ascii(str(error)), str(error), decision.rule)
    except UsageError as error:
        return _Rejected(Outcome.USAGE, visible_ascii(str(error)), str(error), decision.rule)
    if (attempt.input_size is None) == (entry.takes_input and match.uids is None):
        text = f"{entry.name}: usage: {entry.usage}"
        return _Rejected(Outcome.USAGE, visible_ascii(text), text, decision.rule)
    return _Allowed(entry, match, decision.rule)


def _record_reject(known: _Map, attempt: Attempt, rejected: _Rejected, revision: int | None) -> None:
    audit.record_event(
        kind=AuditEvent.Kind.REJECT,
        outcome=rejected.outcome,
        reason=rejected.reason,
        revision=revision,
        **_about_rule(rejected.rule),
        **_about(attempt, _recorded_arguments(known.snapshot, attempt)),
    )


def _not_started(answer: Accepted | _Rejected) -> None:
    """A unit of the writer: nobody was there any more to start what it had accepted."""
    if isinstance(answer, Accepted):
        audit.write_exit(answer, Outcome.UNAVAILABLE, "recorded too late: it was not started", None)


def _recorded_arguments(snapshot: Snapshot, attempt: Attempt) -> audit.Arguments:
    """The arguments with each that is, or may be, a secret redacted, whether the attempt is allowed or not."""
    entry = snapshot.verbs.get(attempt.verb) or snapshot.disabled.get(attempt.verb)
    if entry is not None:
        hidden = hidden_positions(entry.signatures, attempt.arguments)
    elif snapshot.has_secrets:
        # It may be the name of one that takes secrets, with a typing error in it.
        hidden = frozenset(range(len(attempt.arguments)))
    else:
        hidden = frozenset()
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
        "door": attempt.door,
        "verb": attempt.verb,
        "arguments": arguments,
    }


def _about_rule(rule: policy.Rule | None) -> dict[str, Any]:
    return {} if rule is None else {"rule_id": rule.id, "rule": rule.text}
