"""Who may run what, as far as it can be said without the arguments: for one user, for one verb, for all of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.contrib.auth.models import Group, User
from django.db.models import Prefetch, Q, QuerySet

from commands import models
from commands.explaining.reach import Reach, reach
from commands.policy import Request, Rule, RuleSet, Subject
from commands.rulebook.rules import load_common_rules, load_rules, rule_from_model
from commands.rulebook.snapshot import load_snapshot, load_subject
from commands.verbmap import VerbEntry

AT_ONCE = 500
"""Users whose rules are in memory at the same time."""

NOBODY_YET = 0
"""The id of a user who is to come: no row has it."""

SEVERAL = 200
"""Rules about groups, domains and everyone that are looked at for one verb."""

DOMAINS = 100
"""Mail domains that rules of one verb may name until the users of all domains are looked at."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a subject may do with a verb."""

    subject: Subject
    verb: VerbEntry
    reach: Reach


@dataclass(frozen=True, slots=True)
class Several:
    """A group, a mail domain or everyone, and what a user may do of whom nothing else is known."""

    text: str  # `group staff`
    reach: Reach


def verbs() -> list[VerbEntry]:
    """The verbs that are enabled, by name."""
    return [entry for _, entry in sorted(load_snapshot().verbs.items())]


def what_may(subject: Subject, entries: Sequence[VerbEntry], rules: RuleSet, at: datetime) -> list[Cell]:
    """What a user may do with each verb. `rules` are at least those that speak of the user."""
    return [Cell(subject, entry, _reach(rules, subject, entry, at)) for entry in entries]


def as_subjects(users: Iterable[User]) -> list[Subject]:
    """Of `active_users`: their groups have been read with them."""
    return [Subject(user.pk, user.username, frozenset(group.pk for group in user.groups.all())) for user in users]


def table(users: Iterable[User], entries: Sequence[VerbEntry], at: datetime) -> Iterator[tuple[Subject, list[Cell]]]:
    """A row for each of the users (see `active_users`): the rules of some are read at once, never those of all."""
    common, left = load_common_rules(), iter(users)
    while subjects := as_subjects(islice(left, AT_ONCE)):
        rules = load_rules(*subjects, common=common)
        for subject in subjects:
            yield subject, what_may(subject, entries, rules, at)


def subject_of(username: str) -> Subject | None:
    """None: there is no such user, or it is not active."""
    user = User.objects.filter(username=username).only("pk").first()
    return None if user is None else load_subject(user.pk)


def active_users() -> QuerySet[User]:
    """By name, with their groups."""
    groups = Prefetch("groups", queryset=Group.objects.only("pk"))
    return User.objects.filter(is_active=True).order_by("username").only("pk", "username").prefetch_related(groups)


def users_whom_it_may_serve(entry: VerbEntry) -> QuerySet[User]:
    """The active users whom any rule allows the verb; what else is said of them is still to be asked."""
    rules = _about(entry).filter(effect=models.Rule.Effect.ALLOW)
    if rules.filter(everyone=True).exists():
        return active_users()
    domains = list(rules.exclude(domain="").values_list("domain", flat=True).distinct()[: DOMAINS + 1])
    if len(domains) > DOMAINS:
        return active_users()
    members = User.groups.through.objects.filter(group__in=rules.filter(group__isnull=False).values("group"))
    found = Q(pk__in=rules.filter(user__isnull=False).values("user")) | Q(pk__in=members.values("user"))
    for domain in domains:
        found |= Q(username__iendswith=f"@{domain}")
    return active_users().filter(found)


def several_whom_it_may_serve(entry: VerbEntry, at: datetime) -> list[Several]:
    """Groups, domains and everyone, as far as a rule about the verb speaks of them."""
    rows = _about(entry).filter(user__isnull=True).select_related("user", "group", "verb", "tag")
    rules = sorted(map(rule_from_model, rows[:SEVERAL]), key=lambda rule: (not rule.everyone, rule.subject_text))
    subjects = {rule.subject_text: _member(rule) for rule in rules}
    theirs = load_rules(*subjects.values())
    return [Several(text, _reach(theirs, subject, entry, at)) for text, subject in subjects.items()]


def _member(rule: Rule) -> Subject:
    groups = frozenset() if rule.group_id is None else frozenset({rule.group_id})
    return Subject(NOBODY_YET, f"@{rule.domain}" if rule.domain else "", groups)


def _about(entry: VerbEntry) -> QuerySet[models.Rule]:
    return models.Rule.objects.filter(Q(verb=entry.id) | Q(all_verbs=True) | Q(tag__name__in=entry.tags), enabled=True)


def _reach(rules: RuleSet, subject: Subject, entry: VerbEntry, at: datetime) -> Reach:
    request = Request(subject, entry.name, at, tags=entry.tags)
    return reach(rules.about(request), request)
