"""Who may run what: a pure decision. No database, no clock, no Django; the caller hands in everything."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Effect(StrEnum):
    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Subject:
    """A user who has logged in, and the groups that the user is in now."""

    user_id: int
    username: str
    group_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: may this subject run this verb? `verb` is in lower case, as the map has it."""

    subject: Subject
    verb: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. It names exactly one of a user, a group and everyone; `verb` None stands for all verbs.

    `text` says it in words, for the record. ValueError: it names no subject, or more than one.
    """

    id: int
    effect: Effect
    text: str
    user_id: int | None = None
    group_id: int | None = None
    everyone: bool = False
    verb: str | None = None

    def __post_init__(self) -> None:
        # A rule that names none could be read as "for all", one that names two as "both" or as "either".
        if (self.user_id is not None) + (self.group_id is not None) + self.everyone != 1:
            raise ValueError(f"rule {self.id} must name one of: a user, a group, everyone")

    def matches(self, request: Request) -> bool:
        if self.verb is not None and self.verb != request.verb:
            return False
        if self.user_id is not None:
            return self.user_id == request.subject.user_id
        return self.everyone or self.group_id in request.subject.group_ids


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, with the rule that made it (None: no rule speaks of it, which denies) and why, in words."""

    allowed: bool
    rule: Rule | None
    reason: str


def decide(rules: Iterable[Rule], request: Request) -> Decision:
    """Decide a request. A deny beats every allow; where no rule speaks, the answer is no.

    The order of the rules never matters: of several that would decide alike, the lowest id is named.
    """
    matching = [rule for rule in rules if rule.matches(request)]
    if not matching:
        return Decision(allowed=False, rule=None, reason="no rule allows it")
    rule = min(matching, key=lambda rule: (rule.effect is not Effect.DENY, rule.id))
    return Decision(allowed=rule.effect is Effect.ALLOW, rule=rule, reason=f"rule {rule.id}: {rule.text}")
