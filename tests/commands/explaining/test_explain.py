"""An explanation says what the gate would answer, and all that leads to it; it leaves no trace."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from commands.attempt import Attempt
from commands.authorization import Refused, authorize
from commands.explaining.explain import LISTED, explain
from commands.explaining.explain_text import as_data, lines
from commands.explaining.explanation import Question
from commands.models import AuditEvent, Execution, Lock, Parameter, Rule
from commands.outcome import Outcome
from tests.commands.explained import make_rule, make_site, make_verb

ADD = Question("ann", "calendar", (b"add", b"2026-01-01"))
PASSWD = Question("ann", "passwd", (b"-", b"-"))


@pytest.fixture
def site(db):
    return make_site()


def text(question: Question) -> str:
    return "\n".join(lines(explain(question)))


def why_not(question: Question) -> dict[int, str]:
    return {each.rule.id: each.why for each in explain(question).unmet}


def test_allowed_call_names_its_rule_and_the_argv(site):
    answer = explain(ADD)
    assert (answer.outcome, answer.rule.id) == (Outcome.ACCEPTED, site["calendar_rule"].pk)
    assert answer.allowed
    assert answer.runs == ("/bin/echo", "add", "2026-01-01")
    assert [rule.id for rule in answer.matched] == [site["calendar_rule"].pk]


def test_rules_that_do_not_match_say_why(site):
    denied = make_rule("deny", user=site["bob"], verb=site["calendar"])
    off = make_rule("deny", everyone=True, verb=site["calendar"], enabled=False)
    later = make_rule("deny", everyone=True, all_verbs=True, valid_from=timezone.now() + timedelta(days=1))
    whys = why_not(ADD)
    assert whys[site["passwd_rule"].pk] == "it is for verbs with the tag account"
    assert whys[denied.pk] == "it is for user bob@example.org"
    assert whys[off.pk] == "it is not enabled"
    assert whys[later.pk].startswith("it holds from")


def test_rules_of_a_verb_that_is_not_there_are_asked_from_where_the_client_is(site):
    lock = Lock.objects.create(network="192.0.2.0/24", reason="x")
    answer = explain(Question("ann", "agenda", remote_addr="192.0.2.1"))
    assert [(rule.effect, rule.id) for rule in answer.matched] == [("lock", lock.pk)]


def test_deny_beats_allow_and_both_are_listed_as_matching(site):
    deny = make_rule("deny", everyone=True, verb=site["calendar"])
    answer = explain(ADD)
    assert (answer.outcome, answer.rule.id) == (Outcome.NOPERM, deny.pk)
    assert [rule.id for rule in answer.matched] == [deny.pk, site["calendar_rule"].pk]
    assert answer.runs == ()


def test_lock_beats_all(site):
    lock = Lock.objects.create(user=site["ann"], reason="lost phone")
    answer = explain(ADD)
    assert (answer.outcome, answer.rule.name) == (Outcome.NOPERM, f"lock {lock.pk}: user ann (lost phone)")


def test_wrong_arguments_are_usage(site):
    answer = explain(replace(ADD, arguments=(b"add", b"someday")))
    assert answer.outcome is Outcome.USAGE
    assert "add DAY | list" in answer.reason
    assert [rule.id for rule in answer.matched] == [site["calendar_rule"].pk]


def test_without_tls_it_says_that_tls_is_what_is_missing(site):
    assert explain(PASSWD).outcome is Outcome.ACCEPTED
    answer = explain(replace(PASSWD, tls=False))
    assert answer.outcome is Outcome.PRIVACY
    assert why_not(replace(PASSWD, tls=False))[site["passwd_rule"].pk] == "it holds by TLS alone"


@pytest.mark.parametrize(
    ("question", "outcome", "reason"),
    [
        (Question("nobody", "calendar"), Outcome.NOPERM, "there is no user nobody"),
        (Question("gone", "calendar"), Outcome.NOPERM, "the user gone is not active"),
        (Question("ann", "agenda"), Outcome.NOVERB, "no such verb"),
        (Question("ann", "off"), Outcome.NOVERB, "the verb is not enabled"),
    ],
)
def test_unknown_names_are_told_apart(site, question, outcome, reason):
    User.objects.create_user("gone", is_active=False)
    make_verb("off", enabled=False)
    answer = explain(question)
    assert (answer.outcome, answer.reason) == (outcome, reason)
    assert not answer.allowed


def test_conditions_are_asked_with_what_the_question_says(site):
    make_rule(
        "deny",
        user=site["ann"],
        verb=site["calendar"],
        networks="10.0.0.0/8",
        weekdays="mon",
        mailbox="INBOX",
        arguments={"day": "2026-.*"},
    )
    monday = timezone.make_aware(datetime(2026, 6, 1, 12, 0))
    asked = replace(ADD, remote_addr="10.0.0.1", mailbox="INBOX", at=monday)
    assert explain(asked).outcome is Outcome.NOPERM
    for other in (
        replace(asked, remote_addr=None),
        replace(asked, mailbox=""),
        replace(asked, at=monday + timedelta(days=1)),
        replace(asked, arguments=(b"list",)),
    ):
        assert explain(other).outcome is Outcome.ACCEPTED


def test_limit_says_how_far_it_is_used_and_refuses_when_it_is_reached(site):
    limit = make_rule("limit", everyone=True, verb=site["calendar"], per_minute=3, per_day=3)
    for _ in range(2):
        Execution.objects.create(
            user_id=site["ann"].pk, username="ann", verb="calendar", door="imap", started=timezone.now(), outcome="exit"
        )
    answer = explain(ADD)
    assert answer.allowed
    assert [each.words for each in answer.limits] == ["2 of 3 in a minute, 2 of 3 in 24 hours"]
    Execution.objects.create(
        user_id=site["ann"].pk, username="ann", verb="calendar", door="imap", started=timezone.now(), outcome="exit"
    )
    answer = explain(ADD)
    assert (answer.outcome, answer.rule.id) == (Outcome.LIMIT, limit.pk)
    assert answer.reason.startswith("at most 3 a minute; try again in ")
    assert "3 of 3 in a minute, 3 of 3 in 24 hours" in text(ADD)


def test_message_that_a_verb_takes_counts_as_given(site):
    make_rule(everyone=True, verb=make_verb("send", argv=["/bin/cat"], takes_input=True))
    assert explain(Question("ann", "send")).allowed


def test_secret_arguments_are_never_shown(site):
    asked = replace(PASSWD, arguments=(b"hunter2", b"hunter3"))
    answer = explain(asked)
    assert answer.allowed
    assert answer.arguments == ("(secret)", "(secret)")
    assert "hunter" not in text(asked) + repr(as_data(answer)) + repr(answer)
    for other in ({"arguments": (b"hunter2", b"hunter3", b"x")}, {"verb": "paswd"}):
        assert "hunter" not in text(replace(asked, **other)) + repr(as_data(explain(replace(asked, **other))))


def test_placeholder_stands_for_a_secret_of_any_characters(site):
    Parameter.objects.filter(type="secret").update(characters="a-z0-9")
    assert explain(PASSWD).allowed
    assert explain(replace(PASSWD, arguments=(b"-", b"hunter2"))).allowed
    assert explain(replace(PASSWD, arguments=(b"-", b"Hunter2"))).outcome is Outcome.USAGE


def test_text_shows_no_control_character(site):
    assert "\x1b" not in text(Question("ann\x1b[2J", "cal\x1bendar", (b"\x1b[2J",), mailbox="\x1b"))


def test_nothing_is_recorded(site):
    before = AuditEvent.objects.count(), Execution.objects.count()
    explain(ADD)
    explain(replace(ADD, user="nobody"))
    assert (AuditEvent.objects.count(), Execution.objects.count()) == before


def test_of_many_rules_the_first_that_concern_it_are_listed_and_the_others_counted(site, django_assert_max_num_queries):
    users = User.objects.bulk_create(User(username=f"user{number}") for number in range(500))
    Rule.objects.bulk_create(Rule(user=user, verb=site["calendar"]) for user in users)
    with django_assert_max_num_queries(20):
        answer = explain(ADD)
    assert answer.rule.id == site["calendar_rule"].pk
    assert len(answer.unmet) == LISTED
    assert answer.unmet[0].rule.id == site["passwd_rule"].pk
    assert len(answer.unmet) + len(answer.matched) + answer.more == Rule.objects.count()


@pytest.mark.django_db(transaction=True)
def test_answer_is_the_gates():
    site = make_site()
    make_rule("deny", user=site["bob"], verb=site["calendar"], networks="192.0.2.0/24")
    calls = [
        (user, verb, arguments, address, tls)
        for user in ("ann", "bob@example.org")
        for verb, arguments in (
            ("calendar", (b"list",)),
            ("calendar", (b"add", b"today")),
            ("calendar", ()),
            ("passwd", (b"old", b"new")),
            ("none", ()),
        )
        for address in ("192.0.2.1", None)
        for tls in (True, False)
    ]

    async def gate(call):
        user, verb, arguments, address, tls = call
        key = site["ann" if user == "ann" else "bob"].pk
        attempt = Attempt(key, user, verb, arguments, "imap", remote_addr=address, tls=tls)
        try:
            await authorize(attempt)
        except Refused:
            pass

    for call in calls:
        asyncio.run(gate(call))
        event = AuditEvent.objects.filter(kind__in=["accept", "reject"]).latest("pk")
        user, verb, arguments, address, tls = call
        answer = explain(Question(user, verb, arguments, address, tls))
        found = (answer.outcome.value, answer.rule.id if answer.rule else None)
        assert found == (event.outcome, event.rule_id), call
        assert event.outcome == "accepted" or answer.reason == event.reason


def test_expression_of_a_rule_is_shown_as_it_was_written(site):
    make_rule("deny", everyone=True, verb=site["calendar"], arguments={"day": r"20\d\d-.*"})
    assert r"(day like 20\d\d-.*)" in text(ADD)
