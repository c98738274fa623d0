"""Limits: counted from the record, whoever runs it, so that no door and no second process gets by them."""

import asyncio
import contextlib
import threading
import uuid
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from commands import authorization
from commands.attempt import Attempt
from commands.audit import Writer
from commands.authorization import Refused, authorize
from commands.models import AuditEvent, Execution, Rule, Tag, Verb
from commands.outcome import Outcome
from commands.rulebook import limits
from commands.rulebook.rules import load_all_rules
from commands.rulebook.snapshot import load_subject

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()


@pytest.fixture
def ann():
    return User.objects.create_user("ann@example.org")


@pytest.fixture
def verbs():
    verbs = [Verb.objects.create(name=name, argv=["/bin/true"]) for name in ("alpha", "beta", "gamma")]
    tag = Tag.objects.create(name="greek")
    for verb in verbs[:2]:
        verb.tags.add(tag)
    Rule.objects.create(everyone=True, all_verbs=True, reason="all may")
    return verbs


def limit(**fields) -> Rule:
    subject = {} if {"user", "group", "domain"} & set(fields) else {"everyone": True}
    thing = {} if {"verb", "tag"} & set(fields) else {"all_verbs": True}
    return Rule.objects.create(effect="limit", reason="not so often", **subject, **thing, **fields)


def attempt(user, verb: str = "alpha") -> Attempt:
    return Attempt(user.pk, user.username, verb, (), "imap")


def run(attempt: Attempt) -> Refused | None:
    try:
        asyncio.run(authorize(attempt))
    except Refused as refused:
        return refused
    return None


def ran(user, verb: str, at: datetime | None = None, outcome: str = "exit") -> None:
    Execution.objects.create(
        user_id=user.pk,
        username=user.username,
        verb=verb,
        door="imap",
        started=at or timezone.now(),
        outcome=outcome,
    )


def test_refusal_names_the_rule_in_the_record_and_the_limit_to_the_client(ann, verbs):
    rule = limit(user=ann, per_minute=2)
    assert run(attempt(ann)) is None
    assert run(attempt(ann, "beta")) is None
    refused = run(attempt(ann))
    assert refused is not None and refused.outcome is Outcome.LIMIT
    assert refused.text.startswith("at most 2 a minute; try again in ") and refused.text.endswith(" s")
    event = AuditEvent.objects.filter(kind="reject").get()
    assert (event.outcome, event.rule_id, event.reason) == ("limit", rule.pk, refused.text)
    assert event.rule == "limit user ann@example.org: all verbs (2 a minute of each user)"
    assert Execution.objects.count() == 2


def test_limit_at_once_is_free_again_when_one_has_ended(ann, verbs):
    limit(at_once=1)
    assert run(attempt(ann)) is None
    refused = run(attempt(ann))
    assert refused is not None and refused.text == "at most 1 at once; try again when one has ended"
    Execution.objects.update(outcome="exit")
    assert run(attempt(ann)) is None


@pytest.mark.parametrize(
    ("fields", "age", "text"),
    [
        ({"per_minute": 1}, timedelta(seconds=60), None),
        ({"per_minute": 1}, timedelta(seconds=18), "at most 1 a minute; try again in 42 s"),
        ({"per_day": 1}, timedelta(hours=24), None),
        ({"per_day": 1}, timedelta(hours=4, seconds=5), "at most 1 in 24 hours; try again in 20 h"),
        ({"per_day": 1}, timedelta(hours=23, minutes=30, seconds=5), "at most 1 in 24 hours; try again in 30 min"),
        ({"per_minute": 2}, timedelta(seconds=18), None),
        ({"per_minute": 1, "per_day": 5}, timedelta(minutes=2), None),
        ({"at_once": 1}, timedelta(seconds=1), None),
    ],
)
def test_limit_counts_what_started_within_its_time(ann, verbs, fields, age, text):
    limit(**fields)
    now = timezone.now()
    ran(ann, "alpha", now - age)
    (rule,) = (rule for rule in load_all_rules() if rule.effect == "limit")
    refused = limits.exceeded([rule], load_subject(ann.pk), "alpha", now)
    assert (refused.text if refused else None) == text


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({"counted": "user"}, {"mine", "others-verb"}),
        ({"counted": "user", "verb": "alpha"}, {"mine"}),
        ({"counted": "user", "tag": "greek"}, {"mine", "others-verb"}),
        ({"counted": "user-verb"}, {"mine"}),
        ({"counted": "verb"}, {"mine", "bobs", "strangers"}),
        ({"counted": "verb", "group": "staff"}, {"mine", "bobs"}),
        ({"counted": "verb", "domain": "example.org"}, {"mine", "bobs"}),
        ({"counted": "verb", "user": "ann"}, {"mine"}),
    ],
)
def test_limit_counts_together_what_it_says(ann, verbs, fields, taken):
    bob, eve = User.objects.create_user("bob@Example.ORG"), User.objects.create_user("eve@example.com")
    staff = Group.objects.create(name="staff")
    staff.user_set.set([ann, bob])
    named = {"verb": {"alpha": verbs[0]}, "tag": {"greek": Tag.objects.get()}, "group": {"staff": staff}}
    named["user"] = {"ann": ann}
    limit(at_once=9, **{name: named.get(name, {}).get(value, value) for name, value in fields.items()})
    for number, (user, verb) in enumerate([(ann, "alpha"), (ann, "beta"), (bob, "alpha"), (eve, "alpha")]):
        for _ in range(max(1, number * 10)):
            ran(user, verb, outcome="")
    sizes = {"mine": 1, "others-verb": 10, "bobs": 20, "strangers": 30}
    (rule,) = (rule for rule in load_all_rules() if rule.effect == "limit")
    used = limits.used(rule, load_subject(ann.pk), "alpha", timezone.now())
    assert used.at_once == used.per_minute == used.per_day == sum(sizes[name] for name in taken)


def test_every_limit_that_matches_holds(ann, verbs):
    limit(per_day=5)
    limit(verb=verbs[0], per_day=1)
    assert [run(attempt(ann)) is None for _ in range(2)] == [True, False]
    assert [run(attempt(ann, "beta")) is None for _ in range(5)] == [True] * 4 + [False]


def test_limit_whose_conditions_are_not_met_holds_back_nobody(ann, verbs):
    limit(per_day=1, networks="10.0.0.0/8")
    assert [run(replace(attempt(ann), remote_addr="192.0.2.1")) for _ in range(3)] == [None] * 3
    assert run(replace(attempt(ann), remote_addr="10.0.0.1")) is not None


def test_refused_attempts_use_up_nothing(ann, verbs):
    limit(per_day=1)
    assert [run(attempt(ann, "nothing")).outcome for _ in range(3)] == [Outcome.NOPERM] * 3
    assert [run(attempt(ann)) is None for _ in range(3)] == [True, False, False]


def test_two_writers_never_give_the_last_place_twice(ann, verbs):
    """Each of a process of its own, as far as the database can tell."""
    limit(at_once=3)
    writers = [Writer(), Writer()]

    async def race() -> list[object]:
        return await asyncio.gather(
            *(
                writers[number % 2].submit(lambda: authorization._judge(attempt(ann), uuid.uuid4()))
                for number in range(60)
            )
        )

    try:
        for _ in range(5):
            answers = asyncio.run(race())
            assert sum(isinstance(answer, authorization.Accepted) for answer in answers) == 3
            assert Execution.objects.filter(outcome="").count() == 3
            Execution.objects.update(outcome="exit")
    finally:
        for writer in writers:
            writer.stop()


def test_process_that_hangs_holds_up_the_others_for_a_while_only(ann, verbs, monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has this lock")
    monkeypatch.setattr(limits, "HELD_SECONDS", 0.2)
    limit(at_once=1)
    hanging, done = threading.Event(), threading.Event()

    def hang() -> None:
        with contextlib.suppress(DatabaseError), transaction.atomic():
            limits._let_no_other_count()
            hanging.set()
            done.wait(60)
        connection.close()

    thread = threading.Thread(target=hang)
    thread.start()
    try:
        assert hanging.wait(10)
        assert run(attempt(ann)) is None
    finally:
        done.set()
        thread.join()


def test_count_reads_no_more_rows_than_the_limit_has_places(ann, verbs):
    Execution.objects.bulk_create(
        Execution(user_id=ann.pk, username="ann", verb="alpha", door="imap", started=timezone.now(), outcome="exit")
        for _ in range(3000)
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE commands_execution")
    limit(per_day=5)
    (rule,) = (rule for rule in load_all_rules() if rule.effect == "limit")
    rows = limits.counted(rule, load_subject(ann.pk), "alpha").filter(started__gt=timezone.now() - limits.DAY)
    plan = rows[4:5].explain()
    assert "execution_user" in plan or "execution_started" in plan, plan
    assert "TEMP B-TREE" not in plan and "Sort" not in plan, plan
