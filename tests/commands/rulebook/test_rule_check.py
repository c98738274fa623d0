"""What may stand in a rule and in a lock, and the one form in which it is kept."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from commands.models import Lock, Parameter, Rule, Signature, Verb
from commands.policy import Request, Subject
from commands.rulebook import canonical
from commands.rulebook.rule_check import lost_arguments
from commands.rulebook.rules import load_all_rules

pytestmark = pytest.mark.django_db

MOMENT = datetime(2030, 1, 1, tzinfo=UTC)


def checked(**fields: Any) -> Rule:
    rule = Rule(**({"everyone": True, "all_verbs": True, "reason": "because"} | fields))
    rule.full_clean()
    return rule


def faults(model: type[Rule] | type[Lock] = Rule, **fields: Any) -> dict[str, list[str]]:
    common = {"everyone": True, "all_verbs": True} if model is Rule else {}
    with pytest.raises(ValidationError) as caught:
        model(**(common | {"reason": "because"} | fields)).full_clean()
    return caught.value.message_dict


@pytest.fixture
def verb():
    verb = Verb.objects.create(name="passwd", argv=["/bin/true"])
    for position, names in enumerate((("user", "old"), ("user", "tone"))):
        signature = Signature.objects.create(verb=verb, position=position)
        for place, name in enumerate(names):
            kind = "secret" if name == "old" else "text"
            Parameter.objects.create(signature=signature, position=place, name=name, type=kind)
    return verb


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("domain", "@Example.ORG.", "example.org"),
        ("domain", "xn--mller-kva.example", "xn--mller-kva.example"),
        ("networks", " 10.1.2.3/8,2001:DB8::/32  192.0.2.7/32 10.0.0.0/8", "10.0.0.0/8 2001:db8::/32 192.0.2.7"),
        ("networks", "::ffff:10.0.0.0/104 ::ffff:192.0.2.7", "10.0.0.0/8 192.0.2.7"),
        ("networks", "0.0.0.0/0 ::/0", "0.0.0.0/0 ::/0"),
        ("weekdays", "Sun,mon-wed", "mon tue wed sun"),
        ("weekdays", "sat-mon", "mon sat sun"),
        ("weekdays", "mon-sun", "mon tue wed thu fri sat sun"),
        ("reason", "  spam ", "spam"),
    ],
)
def test_field_is_kept_in_its_one_form(field, given, kept):
    fields = {"everyone": False} if field == "domain" else {}
    rule = checked(**fields, **{field: given})
    assert getattr(rule, field) == kept
    rule.full_clean()
    assert getattr(rule, field) == kept


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"domain": "exam ple.org"}, "domain", "Give what follows the '@'"),
        ({"domain": "müller.example"}, "domain", "ASCII letters"),
        ({"domain": "a..b"}, "domain", "example.org"),
        ({"networks": "10.0.0.0/33"}, "networks", "10.0.0.0/33 is no network"),
        ({"networks": "example.org"}, "networks", "example.org is no network"),
        ({"weekdays": "mon, holiday"}, "weekdays", "holiday is no day"),
        ({"hours_from": time(8)}, "hours_until", "Give both hours"),
        ({"hours_until": time(8)}, "hours_from", "Give both hours"),
        ({"hours_from": time(8), "hours_until": time(8)}, "hours_until", "is never"),
        ({"valid_from": MOMENT, "valid_until": MOMENT}, "valid_until", "later"),
        ({"valid_from": MOMENT.replace(year=1)}, "valid_from", "from the year 2 to 9998"),
        ({"valid_until": MOMENT.replace(year=9999)}, "valid_until", "from the year 2 to 9998"),
        ({"mailbox": "("}, "mailbox", "RE2"),
        ({"mailbox": "(?=x)x"}, "mailbox", "no look-around"),
        ({"arguments": ["to"]}, "arguments", "JSON object"),
        ({"arguments": {"to": 5}}, "arguments", "JSON object"),
        ({"arguments": {"to": ""}}, "arguments", "JSON object"),
        ({"arguments": {"to": "a\0"}}, "arguments", "NUL"),
        ({"arguments": {"\ud800": "a"}}, "arguments", "surrogate"),
        ({"arguments": {"to": "["}}, "arguments", "'[' is no regular expression"),
        ({"effect": "limit"}, "at_once", "needs a number"),
        ({"effect": "limit", "per_day": 0}, "per_day", "greater than or equal to 1"),
        ({"effect": "deny", "per_day": 1}, "per_day", "Only a limit has numbers"),
        ({"reason": ""}, "reason", "blank"),
        ({"reason": "  "}, "reason", "Say why"),
    ],
)
def test_fault_is_said_of_its_field(fields, field, text):
    assert text in " ".join(faults(**fields)[field])


@pytest.mark.parametrize(
    "fields",
    [
        {"everyone": False},
        {"domain": "example.org"},
        {"all_verbs": False},
    ],
)
def test_one_subject_and_one_thing_are_named(fields):
    assert "Name one of" in " ".join(faults(**fields)["__all__"])


@pytest.mark.parametrize(
    ("name", "text"),
    [("user", ""), ("tone", ""), ("nothing", "has no parameter 'nothing'; it has old, tone, user"), ("old", "secret")],
)
def test_arguments_are_parameters_of_the_verb_and_no_secrets(verb, name, text):
    fields = {"all_verbs": False, "verb": verb, "arguments": {name: ".*"}}
    if text:
        assert text in faults(**fields)["arguments"][0]
    else:
        checked(**fields)


def test_rule_whose_arguments_a_change_of_the_verb_would_take_away_is_told(verb):
    Rule.objects.create(effect="deny", everyone=True, verb=verb, arguments={"tone": "loud"})
    Rule.objects.create(effect="deny", everyone=True, verb=verb)
    matchers = [row.matcher() for row in verb.signatures.all()]
    assert lost_arguments(verb, matchers) == []
    (fault,) = lost_arguments(verb, matchers[:1])
    assert "passwd has no parameter 'tone'; it has old, user." in fault
    assert lost_arguments(Verb(name="new"), []) == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "allow everyone: all verbs"),
        (
            {
                "networks": "10.0.0.0/8",
                "weekdays": "mon tue wed thu fri sun",
                "hours_from": time(8),
                "hours_until": time(18),
            },
            "allow everyone: all verbs (from 10.0.0.0/8, mon-fri sun 08:00-18:00)",
        ),
        (
            {"arguments": {"to": "a", "cc": "b"}, "tls": "no", "mailbox": "INBOX", "valid_from": MOMENT},
            "allow everyone: all verbs (cc like b, to like a, without TLS alone, mailbox like INBOX, "
            "from 2030-01-01 00:00)",
        ),
        (
            {"effect": "limit", "at_once": 1, "per_minute": 2, "per_day": 3, "counted": "user-verb"},
            "limit everyone: all verbs (1 at once, 2 a minute, 3 in 24 hours of each user and verb)",
        ),
    ],
)
def test_rule_is_said_in_words_with_its_conditions(fields, text):
    assert str(checked(**fields)) == text


def test_rule_in_words_fits_into_the_record():
    text = str(checked(networks=" ".join(f"10.{number}.0.0/16" for number in range(70))))
    assert len(text) == 400 and text.endswith("…")


@pytest.mark.parametrize("broken", [{"networks": "x"}, {"arguments": None}, {"weekdays": "x"}, {"counted": "x"}])
def test_rule_that_was_written_past_the_checks_can_be_shown(broken):
    assert str(Rule(everyone=True, all_verbs=True, at_once=1, **broken))


@pytest.mark.parametrize("zone", ["Etc/GMT-14", "Etc/GMT+12"])
def test_rule_whose_times_no_zone_has_stops_no_other(zone):
    with timezone.override(ZoneInfo(zone)):
        Rule.objects.create(everyone=True, all_verbs=True, valid_from=datetime.max.replace(tzinfo=UTC))
        Rule.objects.create(everyone=True, all_verbs=True, valid_until=datetime.min.replace(tzinfo=UTC))
        asked = Request(Subject(1, "ann"), "v", timezone.localtime())
        rules = list(load_all_rules())
        assert len(rules) == 2 and all("it " in rule.unmet(asked) for rule in rules)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("192.0.2.9/24", "192.0.2.0/24"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:DB8:0::1/128", "2001:db8::1")],
)
def test_lock_keeps_a_network_in_its_one_form(given, kept):
    lock = Lock(network=given, reason="x")
    lock.full_clean()
    assert (lock.network, str(lock)) == (kept, f"network {kept} (x)")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"network": "here"}, "network"),
        ({"everything": True, "reason": " "}, "reason"),
        ({"everything": True, "until": MOMENT.replace(year=2020)}, "until"),
        ({"everything": True, "until": MOMENT.replace(year=9999)}, "until"),
        ({}, "__all__"),
        ({"everything": True, "network": "192.0.2.1"}, "__all__"),
    ],
)
def test_fault_of_a_lock_is_said_of_its_field(fields, field):
    assert field in faults(Lock, **fields)


def test_lock_that_is_past_may_still_be_saved_again():
    lock = Lock.objects.create(user=User.objects.create_user("ann"), reason="x", until=timezone.now() - timedelta(1))
    lock.reason = "lost phone, found"
    lock.full_clean()


@pytest.mark.parametrize("text", ["mon", "mon-wed fri", "sat sun", "", "no days"])
def test_weekdays_in_short_are_read_back(text):
    short = canonical.weekdays_in_short(canonical.weekdays(text) if text != "no days" else text)
    assert short == {"sat sun": "sat-sun"}.get(text, text)
