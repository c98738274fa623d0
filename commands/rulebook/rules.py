"""Rules and locks as the database has them, read into what is decided on: those of some users, or all."""

from collections.abc import Collection, Iterator, Sequence
from ipaddress import ip_network
from itertools import chain

from django.db import connection
from django.db.models import QuerySet

from commands import models, policy
from commands.conditions import ANY, DAYS, Conditions
from commands.rulebook import canonical

RulesByKey = dict[tuple[bool, int], policy.Rule]
"""Rules and locks (True) that have been read already, by their keys."""


def load_rules(
    *subjects: policy.Subject, common: policy.RuleSet | None = None, known: RulesByKey | None = None
) -> policy.RuleSet:
    """All that speak of these subjects, in three queries, with those of `load_common_rules` unless they are handed in.

    However many other rules there are: each part of the condition has its index. What is in `known` is not read
    again, and what is read is put there: the rules of a group are the same for all in it.
    """
    common = load_common_rules() if common is None else common
    known = {} if known is None else known
    keys = _keys(subjects)
    missing = [key for key in keys if key not in known]
    if rules := [pk for is_lock, pk in missing if not is_lock]:
        known |= {(False, rule.id): rule for rule in _read_rules(models.Rule.objects.filter(pk__in=rules))}
    if locks := [pk for is_lock, pk in missing if is_lock]:
        known |= {(True, lock.id): lock for lock in _read_locks(models.Lock.objects.filter(pk__in=locks))}
    # One that is gone meanwhile is of another revision: whoever keeps these finds out.
    return policy.RuleSet((known[key] for key in keys if key in known), common)


def _keys(subjects: Sequence[policy.Subject]) -> list[tuple[bool, int]]:
    """By hand: to have the ORM make the statement takes several times as long as all the rest."""
    users = {subject.user_id for subject in subjects}
    groups = set().union(*(subject.group_ids for subject in subjects))
    domains = {subject.domain for subject in subjects} - {""}
    if not users:
        return []
    rule, lock = models.Rule._meta.db_table, models.Lock._meta.db_table
    parts = (("user_id", users), ("group_id", groups), ("domain", domains))
    theirs = " OR ".join(f'"{column}" IN ({_places(values)})' for column, values in parts if values)
    statement = (
        f'SELECT 0, id FROM "{rule}" WHERE "enabled" AND ({theirs}) '  # noqa: S608
        f'UNION ALL SELECT 1, id FROM "{lock}" WHERE "user_id" IN ({_places(users)})'
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, (*users, *groups, *domains, *users))
        return [(bool(is_lock), pk) for is_lock, pk in cursor.fetchall()]


def _places(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))


def load_common_rules() -> policy.RuleSet:
    """Those that speak of everyone: two queries."""
    rules = _read_rules(models.Rule.objects.filter(everyone=True))
    return policy.RuleSet(chain(rules, _read_locks(models.Lock.objects.filter(user=None))))


def load_all_rules() -> policy.RuleSet:
    """Every rule and lock that counts: two queries."""
    return policy.RuleSet(chain(_read_rules(models.Rule.objects.all()), _read_locks(models.Lock.objects.all())))


def _read_rules(rows: QuerySet[models.Rule]) -> Iterator[policy.Rule]:
    enabled = rows.filter(enabled=True).select_related("user", "group", "verb", "tag").order_by()
    return map(rule_from_model, enabled.iterator())


def _read_locks(rows: QuerySet[models.Lock]) -> Iterator[policy.Rule]:
    return map(rule_from_lock, rows.select_related("user", "verb").order_by())


def rule_from_model(row: models.Rule) -> policy.Rule:
    """The rule as the decision reads it; `user`, `group`, `verb` and `tag` have been selected with it."""
    return policy.Rule(
        id=row.pk,
        effect=policy.Effect(row.effect),
        text=str(row),
        user_id=row.user_id,
        group_id=row.group_id,
        domain=row.domain.lower() or None,
        everyone=row.everyone,
        verb=row.verb.name if row.verb else None,
        tag=row.tag.name if row.tag else None,
        conditions=_conditions(row),
        limits=policy.Limits(row.at_once, row.per_minute, row.per_day, policy.Counted(row.counted)),
        subject_text=row.subject_text,
    )


def _conditions(row: models.Rule) -> Conditions:
    hours = None if row.hours_from is None or row.hours_until is None else (row.hours_from, row.hours_until)
    conditions = Conditions(
        arguments=tuple(sorted(row.arguments.items())),
        networks=tuple(ip_network(canonical.network(each)) for each in row.networks.split()),
        tls={"": None, "yes": True, "no": False}[row.tls],
        mailbox=row.mailbox,
        weekdays=frozenset(DAYS.index(day) for day in row.weekdays.split()),
        hours=hours,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )
    return ANY if conditions == ANY else conditions


def rule_from_lock(row: models.Lock) -> policy.Rule:
    """A lock is a rule that beats all others; `user` and `verb` have been selected with it."""
    networks = (ip_network(canonical.network(row.network)),) if row.network else ()
    conditions = Conditions(networks=networks, valid_until=row.until)
    return policy.Rule(
        id=row.pk,
        effect=policy.Effect.LOCK,
        text=str(row),
        user_id=row.user_id,
        everyone=row.user_id is None,
        verb=row.verb.name if row.verb else None,
        conditions=ANY if conditions == ANY else conditions,
        subject_text=f"user {row.user}" if row.user_id else "everyone",
    )
