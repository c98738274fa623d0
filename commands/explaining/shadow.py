"""The shadow run: a draft of the map decides recorded attempts again. Which would have come out otherwise?"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from commands.arguments.signature import MAX_ARGUMENT_LENGTH
from commands.attempt import Attempt
from commands.audit_text import Redacted, decode_arguments
from commands.explaining.shadow_text import ACCEPTED, NOTES, Group, summary
from commands.judgement import Allowed, Rejected, judge
from commands.mapfile.load import draft
from commands.models import AuditEvent
from commands.outcome import Outcome
from commands.policy import Effect, Rule, RuleSet, Subject
from commands.rulebook.rules import load_all_rules
from commands.rulebook.snapshot import load_snapshot, load_subject
from commands.verbmap import Snapshot

CHUNK = 2000
PROGRESS = 20_000

# Nothing of these was decided by the map: the server could not, or nobody knows what was meant.
NOT_DECIDED = (Outcome.UNAVAILABLE.value, Outcome.UNPARSABLE.value)


@dataclass(slots=True)
class ShadowRun:
    """`decide` first, all of it; then `groups`, `report` and the counts."""

    snapshot: Snapshot
    rules: RuleSet
    events: QuerySet[AuditEvent]
    decided: int = 0
    differing: int = 0
    skipped: int = 0
    groups: dict[tuple[str, ...], Group] = field(default_factory=dict)
    _subjects: dict[int, Subject | None] = field(default_factory=dict)

    def decide(self) -> Iterator[int]:
        """Decide all again; gives how many are done, now and then."""
        for number, event in enumerate(self.events.iterator(CHUNK), 1):
            self._decide(event)
            if number % PROGRESS == 0:
                yield number

    def report(self) -> Iterator[str]:
        for group in self.sorted_groups():
            yield from group.lines()
        yield self.summary
        yield from NOTES

    def sorted_groups(self) -> list[Group]:
        return sorted(self.groups.values(), key=lambda group: (-group.count, group.username, group.verb))

    @property
    def summary(self) -> str:
        return summary(self.decided, self.skipped, self.lost, self.gained, self.differing)

    @property
    def lost(self) -> int:
        return sum(group.count for group in self.groups.values() if group.was == ACCEPTED)

    @property
    def gained(self) -> int:
        return sum(group.count for group in self.groups.values() if group.would_be == ACCEPTED)

    def _decide(self, event: AuditEvent) -> None:
        answer = self._answer(event)
        if answer is None:
            self.skipped += 1
            return
        self.decided += 1
        would_be = ACCEPTED if isinstance(answer, Allowed) else answer.outcome.value
        if _alike(event.outcome, would_be):
            return
        self.differing += 1
        group = Group(
            username=event.actor,
            verb=event.verb,
            was=event.outcome,
            was_by=event.rule or event.reason or "no rule",
            would_be=would_be,
            would_be_by=_by(answer),
            first=event.at,
            last=event.at,
        )
        key = (group.username, group.verb, group.was, group.was_by, group.would_be, group.would_be_by)
        self.groups.setdefault(key, group).add(event)

    def _answer(self, event: AuditEvent) -> Allowed | Rejected | None:
        """None: it can't be decided again."""
        subject = self._subject(event.actor_id)
        try:
            recorded = decode_arguments(event.arguments)
        except ValueError:
            return None
        entry = self.snapshot.verbs.get(event.verb)
        takes_input = entry is not None and entry.takes_input
        is_hidden = any(isinstance(each, Redacted) for each in recorded)
        if subject is None or subject.username != event.actor:
            return None
        if event.outcome == Outcome.USAGE and (is_hidden or takes_input):
            return None  # what was wrong is not on record
        attempt = Attempt(
            user_id=subject.user_id,
            username=subject.username,
            verb=event.verb,
            arguments=tuple(map(_given, recorded)),
            door=event.door,
            remote_addr=event.remote_addr,
            tls=event.tls,
            input_size=0 if takes_input else None,
        )
        at = timezone.localtime(event.at)
        answer = judge(self.snapshot, self.rules, subject, attempt, at)
        if takes_input and isinstance(answer, Rejected) and answer.outcome is Outcome.USAGE:
            # Messages that are named by their UIDs are its input.
            answer = judge(self.snapshot, self.rules, subject, replace(attempt, input_size=None), at)
        return answer

    def _subject(self, user_id: int | None) -> Subject | None:
        if user_id is None:
            return None
        if user_id not in self._subjects:
            self._subjects[user_id] = load_subject(user_id)
        return self._subjects[user_id]


def prepare(
    text: str | bytes, *, days: float = 30, username: str = "", verb: str = "", newest: int | None = None
) -> ShadowRun:
    """A run of the draft over the last days, or the newest attempts of them alone. MapFileError: it can't be loaded."""
    with draft(text):
        snapshot, rules = load_snapshot(), load_all_rules()
    events = AuditEvent.objects.filter(
        kind__in=[AuditEvent.Kind.ACCEPT, AuditEvent.Kind.REJECT], at__gte=timezone.now() - timedelta(days=days)
    ).exclude(outcome__in=NOT_DECIDED)
    if username:
        events = events.filter(actor=username)
    if verb:
        events = events.filter(verb=verb.lower())
    events = events.order_by("-at", "-pk")[:newest]
    return ShadowRun(snapshot, RuleSet(_whatever_the_mailbox(rules)), events)


def _whatever_the_mailbox(rules: RuleSet) -> Iterator[Rule]:
    """An allow for some mailboxes may have held, a deny may not have: neither shall look like the draft's doing."""
    for rule in rules:
        if not rule.conditions.mailbox:
            yield rule
        elif rule.effect is Effect.ALLOW:
            yield replace(rule, conditions=replace(rule.conditions, mailbox=""))


def _given(argument: bytes | Redacted) -> bytes:
    return b"x" * min(argument.length, MAX_ARGUMENT_LENGTH) if isinstance(argument, Redacted) else argument


def _alike(was: str, would_be: str) -> bool:
    refused = (Outcome.NOPERM, Outcome.NOVERB)  # told apart in the record alone
    if was == Outcome.LIMIT and would_be == ACCEPTED:
        return True  # limits are not replayed
    return was == would_be or (was in refused and would_be in refused)


def _by(answer: Allowed | Rejected) -> str:
    if answer.rule is not None:
        return answer.rule.text
    return answer.reason if isinstance(answer, Rejected) else ""
