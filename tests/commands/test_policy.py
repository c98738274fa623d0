"""The decision: pure, so that most of it can be said as properties of any set of rules."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.policy import Decision, Effect, Request, Rule, RuleSet, Subject
from commands.policy import decide as decide_on

ANN = Subject(user_id=7, username="ann", group_ids=frozenset({1, 2}))
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)  # a Monday
REQUEST = Request(ANN, "blacklist", NOW)


def decide(rules, request):
    return decide_on(RuleSet(rules), request)


def rule(number: int, effect: Effect = Effect.ALLOW, **fields) -> Rule:
    return Rule(id=number, effect=effect, text=f"rule number {number}", **(fields or {"everyone": True}))


subjects = st.one_of(
    st.builds(lambda number: {"user_id": number}, st.integers(6, 8)),
    st.builds(lambda number: {"group_id": number}, st.integers(0, 3)),
    st.just({"everyone": True}),
)
any_rule = st.builds(
    lambda effect, subject, verb: (effect, {**subject, "verb": verb}),
    st.sampled_from([Effect.ALLOW, Effect.DENY]),
    subjects,
    st.sampled_from([None, "blacklist", "calendar"]),
)
rule_sets = st.lists(any_rule, max_size=12).map(
    lambda drawn: [rule(number, effect, **fields) for number, (effect, fields) in enumerate(drawn, 1)]
)
requests = st.builds(
    lambda user_id, groups, verb: Request(Subject(user_id, "someone", frozenset(groups)), verb, NOW),
    st.integers(6, 8),
    st.sets(st.integers(0, 3)),
    st.sampled_from(["blacklist", "calendar"]),
)


def test_no_rule_means_deny():
    assert decide([], REQUEST) == Decision(allowed=False, rule=None, reason="no rule allows it")


def test_decision_names_the_rule_that_made_it():
    allowed = rule(3, user_id=7)
    decision = decide([rule(2, user_id=8), allowed], REQUEST)
    assert decision == Decision(allowed=True, rule=allowed, reason="rule 3: rule number 3")


def test_deny_through_one_group_beats_allow_through_another():
    denied = rule(9, Effect.DENY, group_id=2)
    decision = decide([rule(1, group_id=1), denied], REQUEST)
    assert (decision.allowed, decision.rule) == (False, denied)


@given(rule_sets, requests, st.randoms(use_true_random=False))
def test_order_of_rules_never_matters(rules, request, random):
    shuffled = list(rules)
    random.shuffle(shuffled)
    assert decide(shuffled, request) == decide(rules, request)


@given(rule_sets, requests)
def test_deny_that_matches_beats_every_allow(rules, request):
    deny = rule(99, Effect.DENY, everyone=True)
    decision = decide([*rules, deny], request)
    assert not decision.allowed
    assert decision.rule is not None and decision.rule.effect is Effect.DENY


@given(rule_sets, requests)
def test_allowed_only_by_a_matching_allow_without_a_matching_deny(rules, request):
    effects = {each.effect for each in rules if each.matches(request)}
    assert decide(rules, request).allowed == (effects == {Effect.ALLOW})


@given(rule_sets, requests)
def test_rules_that_do_not_match_change_nothing(rules, request):
    assert decide([each for each in rules if each.matches(request)], request) == decide(rules, request)


@given(rule_sets, requests)
def test_lowest_id_of_the_deciding_effect_is_named(rules, request):
    decision = decide(rules, request)
    if decision.rule is not None:
        alike = [each.id for each in rules if each.matches(request) and each.effect is decision.rule.effect]
        assert decision.rule.id == min(alike)


@pytest.mark.parametrize(
    ("fields", "matches"),
    [
        ({"user_id": 7}, True),
        ({"user_id": 8}, False),
        ({"group_id": 2}, True),
        ({"group_id": 3}, False),
        ({"group_id": 7}, False),  # the user's number is no group's
        ({"everyone": True}, True),
        ({"everyone": True, "verb": "blacklist"}, True),
        ({"everyone": True, "verb": "calendar"}, False),
        ({"everyone": True, "verb": "black"}, False),
        ({"everyone": True, "verb": "blacklist "}, False),
        ({"everyone": True, "verb": ""}, False),  # an empty name is no wildcard
    ],
)
def test_rule_matches_its_subject_and_its_verb(fields, matches):
    assert rule(1, **fields).matches(REQUEST) is matches


def test_rule_for_a_group_grants_nothing_to_a_user_without_groups():
    request = Request(Subject(7, "ann", frozenset()), "blacklist", NOW)
    assert not rule(1, group_id=1).matches(request)


def test_user_and_group_numbered_zero_are_subjects_like_any_other():
    request = Request(Subject(0, "zero", frozenset({0})), "blacklist", NOW)
    assert rule(1, user_id=0).matches(request) and rule(1, group_id=0).matches(request)
    assert not rule(1, user_id=0).matches(REQUEST)


@pytest.mark.parametrize(
    "fields",
    [{"verb": "blacklist"}, {"user_id": 7, "group_id": 1}, {"user_id": 7, "everyone": True}],
)
def test_rule_without_exactly_one_subject_is_refused(fields):
    with pytest.raises(ValueError, match="must name one of"):
        rule(1, **fields)
