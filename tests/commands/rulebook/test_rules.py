"""Rules read from a real database: all that may concern a user, and none of a million others."""

from datetime import UTC, datetime, time
from ipaddress import ip_network

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from commands.conditions import ANY, Conditions
from commands.models import Lock, Rule, Tag, Verb
from commands.policy import Counted, Effect, Limits, Subject
from commands.policy import Rule as PolicyRule
from commands.rulebook.rules import load_all_rules, load_common_rules, load_rules
from commands.rulebook.snapshot import load_subject

pytestmark = pytest.mark.django_db

OTHERS = 2000


def test_rules_are_kept_with_their_subject_verb_and_words():
    ann, staff = User.objects.create_user("ann"), Group.objects.create(name="staff")
    verb, tag = Verb.objects.create(name="calendar"), Tag.objects.create(name="lists")
    ids = [
        Rule.objects.create(**fields).pk
        for fields in (
            {"user": ann, "verb": verb},
            {"group": staff, "all_verbs": True, "effect": "deny"},
            {"domain": "example.org", "tag": tag},
            {"everyone": True, "verb": verb, "effect": "limit", "at_once": 2, "counted": "verb"},
        )
    ]
    lock = Lock.objects.create(user=ann, reason="lost phone").pk
    limits = Limits(at_once=2, counted=Counted.VERB)
    assert set(load_all_rules()) == {
        PolicyRule(
            ids[0],
            Effect.ALLOW,
            "allow user ann: calendar",
            user_id=ann.pk,
            verb="calendar",
            subject_text="user ann",
        ),
        PolicyRule(ids[1], Effect.DENY, "deny group staff: all verbs", group_id=staff.pk, subject_text="group staff"),
        PolicyRule(
            ids[2],
            Effect.ALLOW,
            "allow domain example.org: verbs tagged lists",
            domain="example.org",
            tag="lists",
            subject_text="domain example.org",
        ),
        PolicyRule(
            ids[3],
            Effect.LIMIT,
            "limit everyone: calendar (2 at once of each verb)",
            everyone=True,
            verb="calendar",
            limits=limits,
            subject_text="everyone",
        ),
        PolicyRule(lock, Effect.LOCK, "user ann (lost phone)", user_id=ann.pk, subject_text="user ann"),
    }


def test_conditions_are_kept():
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    Rule.objects.create(
        everyone=True,
        all_verbs=True,
        arguments={"to": ".*", "cc": "a"},
        networks="10.0.0.0/8 2001:db8::1",
        tls="no",
        mailbox="INBOX",
        weekdays="mon sun",
        hours_from=time(22),
        hours_until=time(6),
        valid_from=moment,
        valid_until=moment.replace(year=2027),
    )
    (rule,) = load_all_rules()
    assert rule.conditions == Conditions(
        arguments=(("cc", "a"), ("to", ".*")),
        networks=(ip_network("10.0.0.0/8"), ip_network("2001:db8::1")),
        tls=False,
        mailbox="INBOX",
        weekdays=frozenset({0, 6}),
        hours=(time(22), time(6)),
        valid_from=moment,
        valid_until=moment.replace(year=2027),
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"network": "192.0.2.0/24"}, Conditions(networks=(ip_network("192.0.2.0/24"),))),
        ({"everything": True}, ANY),
        ({"everything": True, "until": datetime(2030, 1, 1, tzinfo=UTC)}, None),
    ],
)
def test_lock_is_a_rule_that_beats_all_others(fields, expected):
    Lock.objects.create(reason="x", **fields)
    (rule,) = load_common_rules()
    assert (rule.effect, rule.everyone, rule.verb) == (Effect.LOCK, True, None)
    assert rule.conditions == (expected or Conditions(valid_until=fields["until"]))


def test_lock_of_a_verb_is_for_everyone():
    Lock.objects.create(verb=Verb.objects.create(name="calendar"), reason="x")
    (rule,) = load_common_rules()
    assert (rule.everyone, rule.verb, rule.conditions) == (True, "calendar", ANY)


@pytest.fixture
def ann():
    """With one rule for each way to speak of her, among many that speak of others."""
    ann = User.objects.create_user("ann@Example.ORG")
    groups = [Group.objects.create(name=f"group {number}") for number in range(3)]
    ann.groups.set(groups[:2])
    users = User.objects.bulk_create(User(username=f"user{number}") for number in range(OTHERS))
    Rule.objects.bulk_create(Rule(user=user, all_verbs=True, reason="x") for user in users)
    Rule.objects.bulk_create(Rule(domain=f"d{number}.example", all_verbs=True) for number in range(OTHERS))
    Rule.objects.create(group=groups[2], all_verbs=True)
    Rule.objects.create(user=ann, all_verbs=True, enabled=False)
    Lock.objects.create(user=users[0], reason="x")
    for fields in ({"user": ann}, {"group": groups[0]}, {"group": groups[1]}, {"domain": "example.org"}):
        Rule.objects.create(all_verbs=True, reason="hers", **fields)
    Rule.objects.create(everyone=True, all_verbs=True, reason="hers")
    Lock.objects.create(user=ann, reason="hers")
    Lock.objects.create(network="192.0.2.1", reason="hers")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE commands_rule")
    return ann


def test_rules_of_a_user_are_all_that_speak_of_it_and_no_others(ann):
    subject = load_subject(ann.pk)
    rules = load_rules(subject)
    assert sorted(rule.text for rule in rules) == [
        "allow domain example.org: all verbs",
        "allow everyone: all verbs",
        "allow group group 0: all verbs",
        "allow group group 1: all verbs",
        "allow user ann@Example.ORG: all verbs",
        "network 192.0.2.1 (hers)",
        "user ann@Example.ORG (hers)",
    ]
    assert {rule.name for rule in rules} == {rule.name for rule in load_all_rules() if rule.speaks_of(subject)}
    assert len(rules) == 5  # of her own; the others are shared


def test_rules_take_five_queries_for_one_user_and_for_many(ann, django_assert_num_queries):
    subject, others = load_subject(ann.pk), [Subject(number, f"u{number}@d{number}.example") for number in range(50)]
    for subjects in ((subject,), (subject, *others)):
        with django_assert_num_queries(5):
            load_rules(*subjects)
    common = load_common_rules()
    with django_assert_num_queries(3):
        load_rules(subject, common=common)


def test_rules_that_are_known_are_not_read_again(ann, django_assert_num_queries):
    subject, known, common = load_subject(ann.pk), {}, load_common_rules()
    first = load_rules(subject, common=common, known=known)
    same_group = Subject(ann.pk + 1, "bob@example.org", subject.group_ids)
    with django_assert_num_queries(1):
        again = load_rules(subject, common=common, known=known)
    assert {id(rule) for rule in again} == {id(rule) for rule in first}
    with django_assert_num_queries(3):  # a rule and a lock of his own besides
        his = load_rules(same_group, common=common, known=known)
    assert sum(rule in set(first) for rule in his if not rule.everyone) == 3


def test_rules_of_a_user_are_found_by_indexes(ann):
    subject = load_subject(ann.pk)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        load_rules(subject)
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    for query in captured.captured_queries:
        if 'FROM "commands_rule"' not in query["sql"] or '"id" IN' in query["sql"]:
            continue
        with connection.cursor() as cursor:
            cursor.execute(explain + query["sql"])
            plan = "\n".join(str(row) for row in cursor.fetchall())
        assert "Seq Scan on commands_rule" not in plan, plan
        # All of the second one is read: no others than everyone's are in it.
        assert "rule_domain" in plan or "rule_everyone" in plan, plan


def test_empty_group_grants_nothing_to_anybody(ann):
    Rule.objects.all().delete()
    Rule.objects.create(group=Group.objects.create(name="empty"), all_verbs=True)
    assert [rule.effect for rule in load_rules(load_subject(ann.pk))] == [Effect.LOCK, Effect.LOCK]


@pytest.mark.parametrize(
    "fields",
    [
        {"domain": "Example.org"},
        {"everyone": True, "hours_from": time(8)},
        {"everyone": True, "hours_until": time(8)},
        {},
        {"everyone": True, "domain": "example.org"},
    ],
)
def test_database_refuses_a_rule_that_would_mean_less_than_it_reads(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        Rule.objects.create(all_verbs=True, **fields)
