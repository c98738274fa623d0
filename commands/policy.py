"""Who may run what: a pure decision. No database, no clock, no Django; the caller hands in everything."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from commands.conditions import ANY, Conditions, Unknown


class Effect(StrEnum):
    ALLOW = "allow"
    DENY = "deny"
    LIMIT = "limit"
    LOCK = "lock"


class Counted(StrEnum):
    """What a limit counts together."""

    USER = "user"  # of each user, all verbs that it speaks of
    USER_VERB = "user-verb"  # of each user, each verb
    VERB = "verb"  # of each verb, all users that it speaks of


@dataclass(frozen=True, slots=True)
class Subject:
    """A user who has logged in, and the groups that the user is in now."""

    user_id: int
    username: str
    group_ids: frozenset[int] = frozenset()

    @property
    def domain(self) -> str:
        """The mail domain of the user's name, in lower case; empty if it has none."""
        return self.username.rpartition("@")[2].lower() if "@" in self.username else ""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: may this subject run this verb, in this way? `verb` is in lower case, as the map has it.

    `arguments` are by the names of the verb's parameters, as text (Parameter.as_text), without secret ones. `at` is an
    aware time in the zone that rules mean. With something `unknown` the question is: in some way of it?
    """

    subject: Subject
    verb: str
    at: datetime
    tags: frozenset[str] = frozenset()
    arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    remote_addr: str | None = None
    tls: bool = False
    mailbox: str = ""
    unknown: Unknown = Unknown.NOTHING


@dataclass(frozen=True, slots=True)
class Limits:
    """How many executions at once, started within a minute, started within 24 hours; None: any number."""

    at_once: int | None = None
    per_minute: int | None = None
    per_day: int | None = None
    counted: Counted = Counted.USER


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. It names exactly one of: a user, a group, a mail domain, everyone; and a verb or a tag, or none: all.

    `text` says it in words, for the record; `subject_text` its subject alone. ValueError: it names no subject, or more
    than one, or a verb and a tag.
    """

    id: int
    effect: Effect
    text: str
    user_id: int | None = None
    group_id: int | None = None
    domain: str | None = None
    everyone: bool = False
    verb: str | None = None
    tag: str | None = None
    conditions: Conditions = ANY
    limits: Limits = Limits()
    subject_text: str = ""

    def __post_init__(self) -> None:
        # A rule that names none could be read as "for all", one that names two as "both" or as "either".
        subjects = (self.user_id is not None, self.group_id is not None, self.domain is not None, self.everyone)
        if sum(subjects) != 1:
            raise ValueError(f"rule {self.id} must name one of: a user, a group, a mail domain, everyone")
        if self.verb is not None and self.tag is not None:
            raise ValueError(f"rule {self.id} must not name both a verb and a tag")

    @property
    def name(self) -> str:
        """`rule 3: allow user ann: calendar`, `lock 2: user ann (lost phone)`."""
        return f"{'lock' if self.effect is Effect.LOCK else 'rule'} {self.id}: {self.text}"

    def speaks_of(self, subject: Subject) -> bool:
        return self._subject_key in _subject_keys(subject)

    def unmet(self, request: Request) -> str:
        """Why the rule does not match, in words; empty if it does."""
        if not self.speaks_of(request.subject):
            return f"it is for {self.subject_text or 'somebody else'}"
        if self.verb is not None and self.verb != request.verb:
            return f"it is for the verb {self.verb}"
        if self.tag is not None and self.tag not in request.tags:
            return f"it is for verbs with the tag {self.tag}"
        return self.conditions.unmet(request, forbids=self.effect is not Effect.ALLOW)

    def matches(self, request: Request) -> bool:
        return not self.unmet(request)

    @property
    def _subject_key(self) -> tuple[str, int | str]:
        if self.user_id is not None:
            return "user", self.user_id
        if self.group_id is not None:
            return "group", self.group_id
        return ("everyone", "") if self.domain is None else ("domain", self.domain)

    @property
    def _verb_key(self) -> tuple[str, str]:
        if self.verb is not None:
            return "verb", self.verb
        return ("all", "") if self.tag is None else ("tag", self.tag)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, with the rule that made it (None: no rule speaks of it, which denies) and why, in words.

    `limits` are the rules whose limits hold for it, by id. `needs_tls`: by TLS it would be allowed.
    """

    allowed: bool
    rule: Rule | None
    reason: str
    limits: tuple[Rule, ...] = ()
    needs_tls: bool = False


class RuleSet:
    """Rules by whom and what they name, so that a decision looks only at those that may concern it.

    `common` are further ones, shared by many sets.
    """

    def __init__(self, rules: Iterable[Rule], common: "RuleSet | None" = None) -> None:
        self._rules: defaultdict[tuple[tuple[str, int | str], tuple[str, str]], list[Rule]] = defaultdict(list)
        self._common = common
        self._count = 0
        for rule in rules:
            self._rules[rule._subject_key, rule._verb_key].append(rule)
            self._count += 1

    def __iter__(self) -> Iterator[Rule]:
        for rules in self._rules.values():
            yield from rules
        if self._common is not None:
            yield from self._common

    def __len__(self) -> int:
        """How many there are, without the common ones."""
        return self._count

    def about(self, request: Request) -> Iterator[Rule]:
        """Those that speak of the request's subject and verb, whatever their conditions say."""
        verbs = [("verb", request.verb), ("all", ""), *(("tag", tag) for tag in request.tags)]
        for subject in _subject_keys(request.subject):
            for verb in verbs:
                yield from self._rules.get((subject, verb), ())
        if self._common is not None:
            yield from self._common.about(request)


def decide(rules: RuleSet, request: Request) -> Decision:
    """Decide a request. A lock beats a deny, a deny beats every allow; where no rule speaks, the answer is no.

    The order of the rules never matters: of several that would decide alike, the lowest id is named.
    """
    return decide_among(tuple(rules.about(request)), request)


def decide_among(about: Sequence[Rule], request: Request) -> Decision:
    """As `decide`, by the rules that speak of the request's subject and verb."""
    decision = _decide(about, request)
    if decision.allowed or request.tls or all(rule.conditions.tls is None for rule in about):
        return decision
    return replace(decision, needs_tls=_decide(about, replace(request, tls=True)).allowed)


def _decide(about: Sequence[Rule], request: Request) -> Decision:
    matching = [
        rule
        for rule in about
        if rule.conditions is ANY or not rule.conditions.unmet(request, forbids=rule.effect is not Effect.ALLOW)
    ]
    for effect in (Effect.LOCK, Effect.DENY, Effect.ALLOW):
        of_effect = [rule for rule in matching if rule.effect is effect]
        if of_effect:
            rule = min(of_effect, key=_id)
            limits = tuple(sorted((each for each in matching if each.effect is Effect.LIMIT), key=_id))
            return Decision(effect is Effect.ALLOW, rule, rule.name, limits)
    return Decision(False, None, "no rule allows it")


def _id(rule: Rule) -> int:
    return rule.id


def _subject_keys(subject: Subject) -> Iterator[tuple[str, int | str]]:
    yield "user", subject.user_id
    yield "everyone", ""
    if domain := subject.domain:
        yield "domain", domain
    for group_id in subject.group_ids:
        yield "group", group_id
