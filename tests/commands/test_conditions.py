"""When a rule holds; and that no way to write an argument gets by what forbids it."""

from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_network
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.arguments.parameter import Parameter, ParameterType
from commands.conditions import Conditions, Unknown
from commands.policy import Request, Subject

MONDAY = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def call(at: datetime = MONDAY, **fields) -> Request:
    return Request(Subject(7, "ann"), "send", at, **fields)


def holds(conditions: Conditions, asked: Request, forbids: bool = False) -> bool:
    return not conditions.unmet(asked, forbids=forbids)


def argument(expression: str) -> Conditions:
    return Conditions(arguments=(("to", expression),))


both = pytest.mark.parametrize("forbids", [False, True], ids=["gives", "takes-away"])


@both
@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        (Conditions(valid_from=MONDAY + timedelta(hours=1)), "it holds from 2026-06-01 13:00"),
        (Conditions(valid_until=MONDAY), "it held until 2026-06-01 12:00"),
        (Conditions(weekdays=frozenset({1, 6})), "it holds on tue sun"),
        (Conditions(hours=(time(8), time(12))), "it holds from 08:00 to 12:00"),
        (Conditions(tls=True), "it holds by TLS alone"),
        (Conditions(networks=(ip_network("10.0.0.0/8"),)), "it holds from 10.0.0.0/8"),
        (argument("a"), "it is for calls with the argument to"),
        (Conditions(mailbox="INBOX"), "it is for mailboxes like INBOX"),
    ],
)
def test_condition_that_is_not_met_is_said_in_words(conditions, why, forbids):
    assert conditions.unmet(call(), forbids=forbids) == why


@both
@pytest.mark.parametrize(
    ("hours", "inside"),
    [
        ((time(8), time(18)), {8, 12, 17}),
        ((time(22), time(6)), {22, 23, 0, 5}),
    ],
)
def test_hours_are_from_the_first_until_before_the_second(hours, inside, forbids):
    found = {hour for hour in range(24) if holds(Conditions(hours=hours), call(MONDAY.replace(hour=hour)), forbids)}
    assert inside <= found and {hours[1].hour, (hours[0].hour - 1) % 24}.isdisjoint(found)


def test_hours_and_days_are_those_of_the_zone_that_the_time_is_in():
    in_tokyo = datetime(2026, 6, 1, 22, 0, tzinfo=UTC).astimezone(ZoneInfo("Asia/Tokyo"))  # Tuesday, 7 o'clock
    assert holds(Conditions(hours=(time(7), time(8)), weekdays=frozenset({1})), call(in_tokyo))


@both
@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::5", True),
        ("11.1.2.3", False),
        ("2001:db9::5", False),
        (None, False),
        ("", False),
        ("/run/imap.sock", False),
    ],
)
def test_network_is_of_addresses_in_either_notation(address, inside, forbids):
    networks = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    assert holds(Conditions(networks=networks), call(remote_addr=address), forbids) is inside


@both
@pytest.mark.parametrize(("tls", "given"), [(True, True), (True, False), (False, True), (False, False)])
def test_tls_is_as_the_rule_says(tls, given, forbids):
    assert holds(Conditions(tls=tls), call(tls=given), forbids) is (tls is given)


def test_rule_that_gives_needs_all_values_of_an_argument_to_match():
    assert holds(argument("a.*"), call(arguments={"to": ("ab", "ac")}))
    assert not holds(argument("a.*"), call(arguments={"to": ("ab", "b")}))


def test_rule_that_takes_away_needs_one_value_of_an_argument_to_match():
    assert holds(argument("a.*"), call(arguments={"to": ("b", "ab")}), forbids=True)
    assert not holds(argument("a.*"), call(arguments={"to": ("b", "c")}), forbids=True)


@both
def test_argument_that_is_not_given_meets_nothing(forbids):
    assert not holds(argument(".*"), call(arguments={"cc": ("a",), "to": ()}), forbids)


@both
def test_expression_is_for_the_whole_value(forbids):
    for value in ("xa", "ax", "a\nb"):
        assert not holds(argument("a"), call(arguments={"to": (value,)}), forbids)


def test_case_is_as_written_for_what_gives_and_the_same_for_what_takes_away():
    asked = call(arguments={"to": ("Joe@EXAMPLE.org",)})
    assert not holds(argument(r".*@example\.org"), asked)
    assert holds(argument(r"(?i).*@example\.org"), asked)
    assert holds(argument(r".*@example\.org"), asked, forbids=True)


def test_expression_that_only_case_makes_match_takes_away_too():
    # Where case is the same, [^a-z] takes no capital.
    assert holds(argument("[^a-z]+"), call(arguments={"to": ("ABC",)}), forbids=True)


def test_line_end_gets_by_nothing_that_takes_away():
    asked = call(arguments={"to": ("good\nevil\n",)})
    assert holds(argument(".*evil.*"), asked, forbids=True)
    assert not holds(argument(".*"), asked)


@given(st.binary(max_size=8), st.binary(max_size=8))
def test_bytes_around_it_hide_no_word_from_what_takes_away(before, after):
    value = Parameter("to", ParameterType.FILE).as_text(before + b"evil" + after, MONDAY.date())
    assert holds(argument(".*evil.*"), call(arguments={"to": (value,)}), forbids=True)


@pytest.mark.parametrize("value", ["\udcff", Parameter("to", ParameterType.FILE).as_text(b"\xff", MONDAY.date())])
def test_bytes_that_are_no_text_are_none_of_the_characters_that_are_given(value):
    assert not holds(argument("[ -~]*"), call(arguments={"to": (value,)}))
    assert holds(argument(".*"), call(arguments={"to": (value,)}))
    assert holds(argument("[^ -~]*"), call(arguments={"to": (value,)}), forbids=True)


@given(st.text(alphabet=st.characters(), max_size=12))
def test_any_text_is_an_answer_also_with_half_a_surrogate_pair(text):
    asked = call(arguments={"to": (text,)}, mailbox=text)
    holds(Conditions(arguments=(("to", "a"),), mailbox="a"), asked)
    assert holds(Conditions(arguments=(("to", "(?s).*"),), mailbox="(?s).*"), asked)


@pytest.mark.parametrize("expression", ["(", "(?=a)", r"(a)\1"])
def test_broken_expression_gives_nothing_and_takes_away_everything(expression):
    asked = call(arguments={"to": ("a",)})
    assert not holds(argument(expression), asked)
    assert holds(argument(expression), asked, forbids=True)


@pytest.mark.parametrize(
    ("conditions", "unknown"),
    [
        (argument("a"), Unknown.ARGUMENTS),
        (Conditions(tls=True), Unknown.ORIGIN),
        (Conditions(networks=(ip_network("10.0.0.0/8"),)), Unknown.ORIGIN),
        (Conditions(mailbox="INBOX"), Unknown.MAILBOX),
    ],
)
def test_condition_on_what_is_unknown_is_met_for_what_gives_alone(conditions, unknown):
    assert holds(conditions, call(unknown=unknown))
    assert not holds(conditions, call(unknown=unknown), forbids=True)
    others = call(unknown=Unknown.ALL & ~unknown)
    assert not holds(conditions, others)


@both
def test_time_is_never_unknown(forbids):
    assert not holds(Conditions(valid_until=MONDAY), call(unknown=Unknown.ALL), forbids)
