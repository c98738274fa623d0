"""What becomes of an attempt: map, rules and signature in the one right order. Pure; nothing is counted or recorded."""

from dataclasses import dataclass
from datetime import datetime

from commands import policy
from commands.arguments import mailbox_name
from commands.arguments.signature import (
    MAX_ARGUMENT_LENGTH,
    ArgumentLimitError,
    Match,
    UsageError,
    match_arguments,
    secret_in_argv,
)
from commands.attempt import Accepted, Attempt
from commands.audit_text import visible_ascii
from commands.conditions import Unknown
from commands.outcome import Outcome
from commands.policy import Decision, Request, Rule, RuleSet, Subject
from commands.verbmap import Snapshot, VerbEntry

# A verb that is denied and one that is not there get the same: names of verbs are not told to whom they don't serve.
NOT_PERMITTED = "you may not run this verb, or there is none of this name"


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nothing may run. `text` is for the client, printable ASCII; `reason` and `rule` are for the record.

    A verb that is not there is Outcome.NOVERB; the client is told NOPERM.
    """

    outcome: Outcome
    text: str
    reason: str
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may run, if the limits of `decision` leave room for it: whoever counts has still to ask."""

    verb: VerbEntry
    match: Match
    decision: Decision

    @property
    def rule(self) -> Rule | None:
        return self.decision.rule


def judge(
    snapshot: Snapshot, rules: RuleSet, subject: Subject | None, attempt: Attempt, at: datetime
) -> Allowed | Rejected:
    """What map and rules say of an attempt.

    `subject` is the user as it is now, None if it is not there or not active; `rules` are at least those that speak of
    it; `at` is aware, in the rules' zone.

    That the user may run the verb in some way comes first, else a usage error would betray it; then the signature;
    then the rules once more, which know the arguments by name now.
    """
    same = _same_user(subject, attempt)
    if isinstance(same, Rejected):
        return same
    entry = snapshot.verbs.get(attempt.verb)
    if entry is None:
        is_off = attempt.verb in snapshot.disabled
        return Rejected(Outcome.NOVERB, NOT_PERMITTED, "the verb is not enabled" if is_off else "no such verb")
    asked = request(same, entry, attempt, at)
    about = tuple(rules.about(asked))
    in_some_way = policy.decide_among(about, asked)
    if not in_some_way.allowed:
        return _denied(in_some_way)
    match = _match(entry, attempt, in_some_way.rule)
    if isinstance(match, Rejected):
        return match
    if not any(rule.conditions.arguments for rule in about):
        return Allowed(entry, match, in_some_way)
    decision = policy.decide_among(about, request(same, entry, attempt, at, match))
    return Allowed(entry, match, decision) if decision.allowed else _denied(decision)


def why_no_longer(snapshot: Snapshot, rules: RuleSet, subject: Subject | None, accepted: Accepted, at: datetime) -> str:
    """Why an execution that was accepted would not be allowed now, in words; empty if it still would.

    Its arguments stay what its signature made of them, whatever the verb takes by now.
    """
    same = _same_user(subject, accepted.attempt)
    if isinstance(same, Rejected):
        return same.reason
    entry = snapshot.verbs.get(accepted.verb.name)
    if entry is None:
        return "the verb is not enabled" if accepted.verb.name in snapshot.disabled else "the verb is gone"
    decision = policy.decide(rules, request(same, entry, accepted.attempt, at, accepted.match))
    if decision.allowed:
        return ""
    return decision.reason if decision.rule is not None else "no rule allows it any more"


def request(subject: Subject, entry: VerbEntry, attempt: Attempt, at: datetime, match: Match | None = None) -> Request:
    """An attempt as the rules see it; without a match its arguments are unknown."""
    return Request(
        subject=subject,
        verb=entry.name,
        at=at,
        tags=entry.tags,
        arguments={} if match is None else match.signature.texts(attempt.arguments, at.date()),
        remote_addr=attempt.remote_addr,
        tls=attempt.tls,
        mailbox=mailbox_name.plain(attempt.mailbox),
        unknown=Unknown.ARGUMENTS if match is None else Unknown.NOTHING,
    )


def _same_user(subject: Subject | None, attempt: Attempt) -> Subject | Rejected:
    if subject is None:
        return Rejected(Outcome.NOPERM, NOT_PERMITTED, "no such user, or not active")
    if subject.username != attempt.username:
        # The program would act in the old name, which may be somebody else's by now.
        return Rejected(Outcome.NOPERM, NOT_PERMITTED, f"the user is called {subject.username} now")
    return subject


def _denied(decision: Decision) -> Rejected:
    if decision.needs_tls:
        reason = f"{decision.reason}; by TLS it may be run"
        return Rejected(Outcome.PRIVACY, "this verb needs TLS", reason, decision.rule)
    return Rejected(Outcome.NOPERM, NOT_PERMITTED, decision.reason, decision.rule)


def _match(entry: VerbEntry, attempt: Attempt, rule: Rule | None) -> Match | Rejected:
    if attempt.input_size is not None and not entry.takes_input:
        text = f"an argument of more than {MAX_ARGUMENT_LENGTH} bytes"
        return Rejected(Outcome.LIMIT, text, text, rule)
    # Refused when it was saved; a map that was written past the models is not believed.
    if fault := secret_in_argv(entry.argv, entry.signatures):
        return Rejected(Outcome.UNAVAILABLE, f"{entry.name} is not available", fault, rule)
    try:
        match = match_arguments(entry.name, entry.signatures, attempt.arguments, entry.takes_input)
    except ArgumentLimitError as error:
        return Rejected(Outcome.LIMIT, visible_ascii(str(error)), str(error), rule)
    except UsageError as error:
        return Rejected(Outcome.USAGE, visible_ascii(str(error)), str(error), rule)
    if (attempt.input_size is None) == (entry.takes_input and match.uids is None):
        text = f"{entry.name}: usage: {entry.usage}"
        return Rejected(Outcome.USAGE, visible_ascii(text), text, rule)
    return match
