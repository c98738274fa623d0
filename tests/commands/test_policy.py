"""The decision: pure, so that most of it can be said as properties of any set of rules and any request."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.conditions import ANY, Conditions, Unknown
from commands.policy import Decision, Effect, Limits, Request, Rule, RuleSet, Subject
from commands.policy import decide as decide_on

ANN = Subject(user_id=7, username="ann@example.org", group_ids=frozenset({1, 2}))
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)  # a Monday
REQUEST = Request(ANN, "blacklist", NOW)


def decide(rules, request):
    return decide_on(RuleSet(rules), request)


def rule(number: int, effect: Effect = Effect.ALLOW, **fields) -> Rule:
    return Rule(id=number, effect=effect, text=f"rule number {number}", **(fields or {"everyone": True}))


subjects = st.one_of(
    st.builds(lambda number: {"user_id": number}, st.integers(6, 8)),
    st.builds(lambda number: {"group_id": number}, st.integers(0, 3)),
    st.sampled_from([{"domain": "example.org"}, {"domain": "example.com"}]),
    st.just({"everyone": True}),
)
things = st.sampled_from([{}, {"verb": "blacklist"}, {"verb": "calendar"}, {"tag": "lists"}, {"tag": "other"}])
conditions = st.one_of(
    st.just(ANY),
    st.builds(
        Conditions,
        arguments=st.sampled_from([(), (("to", "a.*"),), (("to", "b"), ("cc", ".*"))]),
        networks=st.sampled_from([(), (ip_network("10.0.0.0/8"),), (ip_network("2001:db8::/32"),)]),
        tls=st.sampled_from([None, True, False]),
        mailbox=st.sampled_from(["", "INBOX", "Sent|Drafts"]),
        weekdays=st.sampled_from([frozenset(), frozenset({0}), frozenset({5, 6})]),
        hours=st.sampled_from([None, (time(8), time(18)), (time(22), time(6))]),
        valid_from=st.sampled_from([None, NOW, NOW + timedelta(days=1)]),
        valid_until=st.sampled_from([None, NOW, NOW + timedelta(days=1)]),
    ),
)
any_rule = st.builds(
    lambda effect, subject, thing, when: (effect, {**subject, **thing, "conditions": when}),
    st.sampled_from(Effect),
    subjects,
    things,
    conditions,
)
rule_sets = st.lists(any_rule, max_size=12).map(
    lambda drawn: [rule(number, effect, **fields) for number, (effect, fields) in enumerate(drawn, 1)]
)
requests = st.builds(
    Request,
    st.builds(
        Subject,
        st.integers(6, 8),
        st.sampled_from(["ann", "ann@example.org", "ann@EXAMPLE.com", "ann@example.org@example.com", "@"]),
        st.frozensets(st.integers(0, 3)),
    ),
    st.sampled_from(["blacklist", "calendar"]),
    st.sampled_from([NOW, NOW + timedelta(hours=11), NOW + timedelta(days=5)]),
    tags=st.frozensets(st.sampled_from(["lists", "other"])),
    arguments=st.dictionaries(
        st.sampled_from(["to", "cc"]), st.lists(st.sampled_from(["a", "ab", "b", "A"]), max_size=3).map(tuple)
    ),
    remote_addr=st.sampled_from([None, "10.1.2.3", "::ffff:10.1.2.3", "192.0.2.1", "2001:db8::1", "nowhere"]),
    tls=st.booleans(),
    mailbox=st.sampled_from(["", "INBOX", "Sent"]),
    unknown=st.sampled_from([Unknown.NOTHING, Unknown.ARGUMENTS, Unknown.ALL]),
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
    decision = decide([*rules, rule(99, Effect.DENY, everyone=True)], request)
    assert not decision.allowed
    assert decision.rule is not None and decision.rule.effect in (Effect.DENY, Effect.LOCK)


@given(rule_sets, requests)
def test_lock_that_matches_beats_every_other_rule(rules, request):
    decision = decide([*rules, rule(99, Effect.LOCK, everyone=True)], request)
    assert not decision.allowed
    assert decision.rule is not None and decision.rule.effect is Effect.LOCK


@given(rule_sets, requests)
def test_allowed_only_by_a_matching_allow_without_a_matching_deny_or_lock(rules, request):
    effects = {each.effect for each in rules if each.matches(request)} - {Effect.LIMIT}
    assert decide(rules, request).allowed == (effects == {Effect.ALLOW})


@given(rule_sets, requests)
def test_limits_that_match_all_hold_and_never_allow_anything(rules, request):
    others = [each for each in rules if each.effect is not Effect.LIMIT]
    decision, without = decide(rules, request), decide(others, request)
    assert (decision.allowed, decision.rule, decision.needs_tls) == (without.allowed, without.rule, without.needs_tls)
    if decision.allowed:
        assert decision.limits == tuple(each for each in rules if each.effect is Effect.LIMIT and each.matches(request))


@given(rule_sets, requests, any_rule)
def test_one_more_rule_that_takes_away_never_gives(rules, request, drawn):
    effect, fields = drawn
    more = rule(99, Effect.DENY if effect is Effect.ALLOW else effect, **fields)
    assert decide([*rules, more], request).allowed <= decide(rules, request).allowed


@given(rule_sets, requests)
def test_what_is_not_known_is_taken_in_favour_of_who_asks(rules, request):
    known, unknown = replace(request, unknown=Unknown.NOTHING), replace(request, unknown=Unknown.ALL)
    assert decide(rules, known).allowed <= decide(rules, unknown).allowed


@given(rule_sets, requests)
def test_needs_tls_means_that_by_tls_it_is_allowed(rules, request):
    without, by_tls = replace(request, tls=False), replace(request, tls=True)
    decision = decide(rules, without)
    assert decision.needs_tls == (not decision.allowed and decide(rules, by_tls).allowed)
    assert not decide(rules, by_tls).needs_tls


@given(rule_sets, requests)
def test_set_with_common_rules_decides_as_one_of_all(rules, request):
    apart = RuleSet(rules[::2], RuleSet(rules[1::2]))
    assert decide_on(apart, request) == decide(rules, request)
    assert sorted(each.id for each in apart) == [each.id for each in rules]


@given(rule_sets, requests)
def test_rules_that_do_not_match_change_nothing(rules, request):
    asked = replace(request, tls=True)  # else they may say that by TLS it would be allowed
    assert decide([each for each in rules if each.matches(asked)], asked) == decide(rules, asked)


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


@pytest.mark.parametrize(
    ("username", "domain"),
    [
        ("ann@example.org", "example.org"),
        ("ann@EXAMPLE.Org", "example.org"),
        ("ann@example.org@example.com", "example.com"),  # the last '@'
        ("ann", ""),
        ("example.org", ""),
        ("ann@", ""),
        ("ann@sub.example.org", "sub.example.org"),
    ],
)
def test_rule_for_a_domain_is_for_names_that_end_so(username, domain):
    subject = Subject(7, username)
    assert subject.domain == domain
    assert rule(1, domain="example.org").speaks_of(subject) == (domain == "example.org")


def test_rule_for_a_tag_is_for_verbs_that_have_it():
    tagged = rule(1, everyone=True, tag="lists")
    assert tagged.matches(replace(REQUEST, tags=frozenset({"lists", "x"})))
    assert not tagged.matches(replace(REQUEST, tags=frozenset({"x"})))
    assert not tagged.matches(replace(REQUEST, verb="lists"))


def test_limit_alone_allows_nothing():
    assert not decide([rule(1, Effect.LIMIT, everyone=True, limits=Limits(at_once=1))], REQUEST).allowed


def test_unmet_says_why_a_rule_does_not_match():
    for fields, why in (
        ({"user_id": 8, "subject_text": "user bob"}, "it is for user bob"),
        ({"everyone": True, "verb": "calendar"}, "it is for the verb calendar"),
        ({"everyone": True, "tag": "x"}, "it is for verbs with the tag x"),
        ({"everyone": True, "conditions": Conditions(tls=True)}, "it holds by TLS alone"),
        ({"everyone": True}, ""),
    ):
        assert rule(1, **fields).unmet(REQUEST) == why


def test_user_and_group_numbered_zero_are_subjects_like_any_other():
    request = Request(Subject(0, "zero", frozenset({0})), "blacklist", NOW)
    assert rule(1, user_id=0).matches(request) and rule(1, group_id=0).matches(request)
    assert not rule(1, user_id=0).matches(REQUEST)


@pytest.mark.parametrize(
    "fields",
    [
        {"verb": "blacklist"},
        {"user_id": 7, "group_id": 1},
        {"user_id": 7, "everyone": True},
        {"domain": "a.example", "everyone": True},
    ],
)
def test_rule_without_exactly_one_subject_is_refused(fields):
    with pytest.raises(ValueError, match="must name one of"):
        rule(1, **fields)


def test_rule_for_a_verb_and_a_tag_is_refused():
    with pytest.raises(ValueError, match="not name both"):
        rule(1, everyone=True, verb="blacklist", tag="lists")
