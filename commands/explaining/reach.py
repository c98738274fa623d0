"""What the rules say where not everything is known yet: yes, no, or it depends. Pure, as the decision itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from commands.conditions import ANY
from commands.policy import Effect, Request, Rule


class Aspect(StrEnum):
    """What a rule's conditions may speak of, beside the dates from and until which it holds: these are always known."""

    ARGUMENTS = "arguments"
    ADDRESS = "address"
    TLS = "TLS"
    MAILBOX = "mailbox"
    TIME = "time"


_FIELDS: Mapping[Aspect, tuple[str, ...]] = {
    Aspect.ARGUMENTS: ("arguments",),
    Aspect.ADDRESS: ("networks",),
    Aspect.TLS: ("tls",),
    Aspect.MAILBOX: ("mailbox",),
    Aspect.TIME: ("weekdays", "hours"),
}


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    CONDITIONAL = "conditional"


@dataclass(frozen=True, slots=True)
class Reach:
    """`rule` is the one that decides; None: no rule allows it. `depends_on` are those that may or may not match."""

    answer: Answer
    rule: Rule | None = None
    depends_on: tuple[Rule, ...] = ()

    @property
    def words(self) -> str:
        """`rule 3: …`, `no rule allows it`, `by rule 4: …, or rule 5: …; but for rule 6: …`."""
        if self.answer is not Answer.CONDITIONAL:
            return self.rule.name if self.rule else "no rule allows it"
        rules = self.depends_on if self.rule is None else (self.rule, *self.depends_on)
        allow = [rule.name for rule in rules if rule.effect is Effect.ALLOW]
        but = [f"but for {rule.name}" for rule in rules if rule.effect is not Effect.ALLOW]
        return "; ".join(["by " + ", or ".join(allow), *but])


def reach(rules: Iterable[Rule], request: Request, known: frozenset[Aspect] = frozenset()) -> Reach:
    """What the rules say to a request of which only `known` is known: whatever the rest of it says is not looked at.

    With all of it known, the answer is the decision's, yes or no.
    """
    sure, unsure = _sorted(rules, request, known)
    for effect in (Effect.LOCK, Effect.DENY):
        if of_effect := [rule for rule in sure if rule.effect is effect]:
            return Reach(Answer.NO, of_effect[0])
    allows = [rule for rule in sure if rule.effect is Effect.ALLOW]
    against = [rule for rule in unsure if rule.effect in (Effect.LOCK, Effect.DENY)]
    if allows:
        return Reach(Answer.CONDITIONAL if against else Answer.YES, allows[0], tuple(against))
    may_allow = [rule for rule in unsure if rule.effect is Effect.ALLOW]
    if may_allow:
        return Reach(Answer.CONDITIONAL, None, (*may_allow, *against))
    return Reach(Answer.NO)


def _sorted(rules: Iterable[Rule], request: Request, known: frozenset[Aspect]) -> tuple[list[Rule], list[Rule]]:
    """Those that match, and those that may: each by its id."""
    unknown = [field for each in Aspect if each not in known for field in _FIELDS[each]]
    blank = {field: getattr(ANY, field) for field in unknown}
    sure: list[Rule] = []
    unsure: list[Rule] = []
    for rule in rules:
        what_is_known = replace(rule, conditions=replace(rule.conditions, **blank))
        if what_is_known.matches(request):
            (sure if what_is_known.conditions == rule.conditions else unsure).append(rule)
    return sorted(sure, key=lambda rule: rule.id), sorted(unsure, key=lambda rule: rule.id)
