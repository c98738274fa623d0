"""What the rules say where not all is known: yes and no hold whatever the rest is, conditional is all between."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from commands.conditions import Conditions
from commands.explaining.reach import Answer, Aspect, Reach, reach
from commands.policy import Effect, Request, Rule, RuleSet, Subject, decide

ANN = Subject(user_id=7, username="ann")
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)  # a Monday
ASKED = Request(ANN, "calendar", NOW, tls=True)

BY_TLS = Conditions(tls=True)
LISTING = Conditions(arguments=(("action", "list"),))
ON_MONDAY = Conditions(weekdays=frozenset({0}))


def rule(number: int, effect: Effect = Effect.ALLOW, conditions: Conditions = Conditions()) -> Rule:  # noqa: B008
    return Rule(number, effect, f"rule number {number}", everyone=True, conditions=conditions)


def answer(*rules: Rule, known: frozenset[Aspect] = frozenset()) -> Answer:
    return reach(rules, ASKED, known).answer


def test_without_conditions_it_is_yes_or_no():
    assert answer(rule(1)) is Answer.YES
    assert answer(rule(1), rule(2, Effect.DENY)) is Answer.NO
    assert answer(rule(1), rule(2, Effect.LOCK)) is Answer.NO
    assert answer() is Answer.NO


def test_allow_or_deny_with_a_condition_on_what_is_not_known_makes_it_conditional():
    assert answer(rule(1, conditions=LISTING)) is Answer.CONDITIONAL
    assert answer(rule(1), rule(2, Effect.DENY, LISTING)) is Answer.CONDITIONAL
    assert answer(rule(1), rule(2, conditions=LISTING)) is Answer.YES
    assert answer(rule(1, Effect.DENY), rule(2, conditions=LISTING)) is Answer.NO
    assert answer(rule(1, Effect.LIMIT, LISTING)) is Answer.NO


def test_condition_on_what_is_known_is_asked():
    assert answer(rule(1, conditions=BY_TLS), known=frozenset({Aspect.TLS})) is Answer.YES
    assert reach([rule(1, conditions=BY_TLS)], replace(ASKED, tls=False), frozenset({Aspect.TLS})) == Reach(Answer.NO)
    assert answer(rule(1, conditions=BY_TLS)) is Answer.CONDITIONAL
    assert answer(rule(1, conditions=ON_MONDAY), known=frozenset({Aspect.TIME})) is Answer.YES


def test_dates_from_and_until_are_always_known():
    assert answer(rule(1, conditions=Conditions(valid_until=NOW))) is Answer.NO
    assert answer(rule(1, conditions=Conditions(valid_from=NOW + timedelta(1)))) is Answer.NO
    assert answer(rule(1, conditions=Conditions(valid_from=NOW, valid_until=NOW + timedelta(1)))) is Answer.YES


def test_words_name_the_rule_and_what_it_depends_on():
    found = reach([rule(1, conditions=LISTING), rule(2, Effect.DENY, BY_TLS)], ASKED)
    assert found.words == "by rule 1: rule number 1; but for rule 2: rule number 2"
    assert reach([rule(3)], ASKED).words == "rule 3: rule number 3"
    assert reach([], ASKED).words == "no rule allows it"


conditions = st.builds(
    Conditions,
    tls=st.sampled_from([None, True, False]),
    mailbox=st.sampled_from(["", "INBOX", "A.*"]),
    weekdays=st.sampled_from([frozenset(), frozenset({0}), frozenset({1})]),
    arguments=st.sampled_from([(), (("action", "list"),), (("action", "add"),)]),
)
rules = st.lists(st.tuples(st.sampled_from([Effect.ALLOW, Effect.DENY]), conditions), max_size=6).map(
    lambda drawn: [rule(number, effect, each) for number, (effect, each) in enumerate(drawn, 1)]
)
requests = st.builds(
    lambda tls, mailbox, day, action: replace(
        ASKED, tls=tls, mailbox=mailbox, at=NOW + timedelta(day), arguments={"action": (action,)}
    ),
    st.booleans(),
    st.sampled_from(["INBOX", "Archive", ""]),
    st.integers(0, 2),
    st.sampled_from(["list", "add"]),
)


@given(rules, requests, st.frozensets(st.sampled_from(Aspect)))
def test_yes_and_no_are_what_is_decided_whatever_the_rest_is(rules, request, known):
    found = reach(rules, request, known).answer
    allowed = decide(RuleSet(rules), request).allowed
    assert found is Answer.CONDITIONAL or (found is Answer.YES) == allowed


@given(rules, requests)
def test_with_all_of_it_known_it_is_the_decision(rules, request):
    found = reach(rules, request, frozenset(Aspect))
    decision = decide(RuleSet(rules), request)
    assert found.answer is (Answer.YES if decision.allowed else Answer.NO)
    assert found.rule == decision.rule
