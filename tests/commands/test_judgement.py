"""The order of the judgement: that the verb is there for the user, then the signature, then the rules by arguments."""

import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from commands.arguments.signature import Parameter, ParameterType, Signature
from commands.attempt import Accepted, Attempt
from commands.conditions import ANY, Conditions
from commands.judgement import NOT_PERMITTED, Allowed, judge, why_no_longer
from commands.outcome import Outcome
from commands.policy import Effect, Rule, RuleSet, Subject
from commands.verbmap import Snapshot, VerbEntry

ANN = Subject(7, "ann")
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
FROM_HERE = Conditions(networks=(ip_network("10.0.0.0/8"),))

SEND = VerbEntry(
    id=1,
    name="send",
    description="",
    mode="one-shot",
    kind="program",
    argv=("/bin/echo", "{to}"),
    environment={},
    changes_mail=False,
    send_stderr=False,
    time_limit=1,
    idle_limit=1,
    output_limit=1,
    input_limit=1,
    signatures=(Signature((Parameter("to", ParameterType.EMAIL, repeat=True),)),),
    tags=frozenset({"mail"}),
)
MAP = Snapshot(1, {"send": SEND}, {"off": replace(SEND, name="off")}, frozenset())


def attempt(*arguments: bytes, **fields) -> Attempt:
    return replace(Attempt(7, "ann", "send", arguments or (b"joe@example.org",), "imap"), **fields)


def rule(effect: str = "allow", conditions: Conditions = ANY, **fields) -> Rule:
    return Rule(1, Effect(effect), f"{effect} ann", user_id=7, conditions=conditions, **fields)


def argument(expression: str) -> Conditions:
    return Conditions(arguments=(("to", expression),))


def outcome(*rules: Rule, of: Attempt | None = None, verbs: Snapshot = MAP, subject: Subject | None = ANN) -> Outcome:
    answer = judge(verbs, RuleSet(rules), subject, of or attempt(), NOW)
    return Outcome.ACCEPTED if isinstance(answer, Allowed) else answer.outcome


WRONG = attempt(b"nobody")


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [rule("deny")],
        [rule(), rule("deny")],
        [rule(), rule("lock")],
        [rule(conditions=FROM_HERE)],
        [rule(), rule("deny", FROM_HERE)],
        [rule(conditions=Conditions(valid_until=NOW))],
        [rule(verb="other")],
        [rule(tag="other")],
        [rule("limit")],
    ],
)
def test_usage_is_not_told_to_whom_the_verb_does_not_serve_in_any_way(rules):
    here = {"remote_addr": "10.0.0.1"} if any(each.effect is Effect.DENY for each in rules) else {}
    assert outcome(*rules, of=replace(WRONG, **here)) is Outcome.NOPERM
    assert outcome(*rules, of=replace(attempt(), **here)) is Outcome.NOPERM


@pytest.mark.parametrize(
    "rules",
    [
        [rule()],
        [rule(tag="mail")],
        [rule(conditions=argument("never"))],
        [rule(), rule("deny", argument(".*"))],
        [rule(), rule("limit", argument(".*"))],
    ],
)
def test_usage_is_told_before_rules_look_at_arguments(rules):
    assert outcome(*rules, of=WRONG) is Outcome.USAGE


def test_rules_know_arguments_by_name():
    allow, deny = rule(conditions=argument(r".*@example\.org")), rule("deny", argument(r".*@example\.org"))
    assert outcome(allow) is Outcome.ACCEPTED
    assert outcome(allow, of=attempt(b"joe@example.com")) is Outcome.NOPERM
    assert outcome(rule(), deny) is Outcome.NOPERM
    assert outcome(rule(), deny, of=attempt(b"joe@example.com")) is Outcome.ACCEPTED


def test_one_more_recipient_widens_no_allow_and_hides_from_no_deny():
    two = attempt(b"joe@example.org", b"eve@example.com")
    assert outcome(rule(conditions=argument(r".*@example\.org")), of=two) is Outcome.NOPERM
    assert outcome(rule(), rule("deny", argument(r".*@example\.com")), of=two) is Outcome.NOPERM


@pytest.mark.parametrize("arguments", [(b"joe@EXAMPLE.COM",), (b"JOE@example.com",)])
def test_case_of_an_argument_hides_from_no_deny(arguments):
    assert outcome(rule(), rule("deny", argument(r"joe@example\.com")), of=attempt(*arguments)) is Outcome.NOPERM


def test_date_that_is_denied_is_denied_by_any_name():
    days = replace(SEND, signatures=(Signature((Parameter("to", ParameterType.DATE),)),))
    verbs, deny = replace(MAP, verbs={"send": days}), rule("deny", argument("2026-06-0[12]"))
    for day in (b"today", b"tomorrow", b"2026-06-02"):
        assert outcome(rule(), deny, of=attempt(day), verbs=verbs) is Outcome.NOPERM
        assert outcome(rule(conditions=argument("2026-06-0[12]")), of=attempt(day), verbs=verbs) is Outcome.ACCEPTED
    assert outcome(rule(), deny, of=attempt(b"2026-06-03"), verbs=verbs) is Outcome.ACCEPTED


def test_whole_request_is_filled_from_the_attempt():
    conditions = Conditions(networks=(ip_network("10.0.0.0/8"),), tls=True, mailbox="Entwürfe")
    there = attempt(remote_addr="10.0.0.1", tls=True, mailbox="Entw&APw-rfe")
    assert outcome(rule(conditions=conditions), of=there) is Outcome.ACCEPTED
    for other in ({"remote_addr": "192.0.2.1"}, {"mailbox": "INBOX"}):
        assert outcome(rule(conditions=conditions), of=replace(there, **other)) is Outcome.NOPERM
    assert outcome(rule(conditions=conditions), of=replace(there, tls=False)) is Outcome.PRIVACY


def test_inbox_is_inbox_in_any_case():
    assert outcome(rule(conditions=Conditions(mailbox="INBOX")), of=attempt(mailbox="inbox")) is Outcome.ACCEPTED


def test_privacy_is_asked_for_where_tls_alone_would_help():
    by_tls = Conditions(tls=True)
    assert outcome(rule(conditions=by_tls)) is Outcome.PRIVACY
    assert outcome(rule(conditions=by_tls), of=WRONG) is Outcome.PRIVACY
    assert outcome(rule(), rule("deny", Conditions(tls=False))) is Outcome.PRIVACY
    assert outcome(rule(conditions=by_tls), rule("deny")) is Outcome.NOPERM
    assert outcome(rule(conditions=replace(by_tls, mailbox="x"))) is Outcome.NOPERM


@pytest.mark.parametrize(
    ("subject", "reason"),
    [(None, "no such user, or not active"), (Subject(7, "ann2"), "the user is called ann2 now")],
)
def test_user_who_is_not_the_same_any_more_is_refused(subject, reason):
    answer = judge(MAP, RuleSet([rule()]), subject, attempt(), NOW)
    assert (answer.outcome, answer.text, answer.reason) == (Outcome.NOPERM, NOT_PERMITTED, reason)


@pytest.mark.parametrize(("name", "reason"), [("nothing", "no such verb"), ("off", "the verb is not enabled")])
def test_verb_that_is_not_there_is_told_apart_for_the_record_alone(name, reason):
    answer = judge(MAP, RuleSet([rule()]), ANN, attempt(verb=name), NOW)
    assert (answer.outcome, answer.text, answer.reason) == (Outcome.NOVERB, NOT_PERMITTED, reason)


def test_limits_that_match_come_with_what_is_allowed():
    here, elsewhere = rule("limit", argument(".*org")), rule("limit", argument(".*com"))
    answer = judge(MAP, RuleSet([rule(), here, elsewhere]), ANN, attempt(), NOW)
    assert isinstance(answer, Allowed) and answer.decision.limits == (here,)


def test_condition_on_a_secret_is_met_by_nothing():
    passwd = replace(SEND, argv=("/bin/x",), signatures=(Signature((Parameter("to", ParameterType.SECRET),)),))
    verbs = replace(MAP, verbs={"send": passwd})
    assert outcome(rule(conditions=argument(".*")), of=attempt(b"hunter2"), verbs=verbs) is Outcome.NOPERM


def running(*arguments: bytes, **fields) -> Accepted:
    answer = judge(MAP, RuleSet([rule()]), ANN, attempt(*arguments, **fields), NOW)
    assert isinstance(answer, Allowed)
    return Accepted(uuid.uuid4(), attempt(*arguments, **fields), SEND, (), 1, time.monotonic(), match=answer.match)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([rule()], ""),
        ([rule(), rule("limit")], ""),
        ([], "no rule allows it any more"),
        ([rule(conditions=Conditions(valid_until=NOW))], "no rule allows it any more"),
        ([rule(), rule("lock")], "lock 1: lock ann"),
        ([rule(), rule("deny", argument("JOE.*"))], "rule 1: deny ann"),
        ([rule(), rule("deny", argument("eve.*"))], ""),
    ],
)
def test_running_execution_is_decided_again_with_its_arguments(rules, reason):
    assert why_no_longer(MAP, RuleSet(rules), ANN, running(), NOW) == reason


def test_running_execution_goes_with_its_user_and_its_verb():
    rules = RuleSet([rule()])
    assert why_no_longer(MAP, rules, None, running(), NOW) == "no such user, or not active"
    assert why_no_longer(replace(MAP, verbs={}), rules, ANN, running(), NOW) == "the verb is gone"
    off = replace(MAP, verbs={}, disabled={"send": SEND})
    assert why_no_longer(off, rules, ANN, running(), NOW) == "the verb is not enabled"


def test_running_execution_outlives_a_change_of_what_the_verb_takes():
    narrower = replace(MAP, verbs={"send": replace(SEND, signatures=())})
    assert why_no_longer(narrower, RuleSet([rule()]), ANN, running(), NOW) == ""
