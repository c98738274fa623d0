"""What is dumped can be loaded and is then dumped as it was, byte by byte; loading what is there changes nothing."""

from datetime import UTC, datetime, time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from pytest_django import Settings

from commands.mapfile import load
from commands.mapfile.entries import FIELDS, Contents, default_of, read_contents
from commands.mapfile.to_toml import rule_text, to_toml
from commands.models import ActionVerb, MapRevision, Rule, Tag, Verb
from tests.commands.mapfile.maps import make_people, maps

pytestmark = [pytest.mark.django_db, pytest.mark.history]

ROUND_TRIP = hypothesis_settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # each try takes a hundred queries: to shrink one would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def empty_the_map() -> None:
    for model in (Rule, Verb, Tag, ActionVerb):
        model.objects.all().delete()


@ROUND_TRIP
@given(contents=maps())
def test_any_map_round_trips_exactly(contents: Contents) -> None:
    text = to_toml(contents)
    with transaction.atomic():
        make_people()
        load.load(text)
        assert load.dump() == text
        keys = [list(model.objects.values_list("pk", flat=True)) for model in (Verb, Rule, Tag)]
        revision = MapRevision.objects.get().number
        assert load.load(text) == []
        assert [list(model.objects.values_list("pk", flat=True)) for model in (Verb, Rule, Tag)] == keys
        assert MapRevision.objects.get().number == revision
        assert load.check(text) == []
        empty_the_map()
        load.load(text)
        assert load.dump() == text
        transaction.set_rollback(True)


@ROUND_TRIP
@given(before=maps(), after=maps())
def test_loading_over_any_other_map_leaves_nothing_of_it(before: Contents, after: Contents) -> None:
    with transaction.atomic():
        make_people()
        load.load(to_toml(before))
        promised = load.difference(to_toml(after))
        assert load.load(to_toml(after)) == promised
        assert load.dump() == to_toml(after)
        transaction.set_rollback(True)


def test_the_demo_map_round_trips_exactly(settings: Settings, tmp_path: Path) -> None:
    settings.DEBUG, settings.DATA_DIR = True, tmp_path / "data"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("demo", stdout=StringIO())
    text = load.dump()
    assert load.check(text) == []
    assert load.load(text) == []
    empty_the_map()
    assert load.load(text)
    assert load.dump() == text


EVERY_FIELD = """\
version = 1
action_verbs = ["ADD"]

[tags]
lists = "Lists"

[[verb]]
name = "dial"
description = "Dials."
enabled = false
mode = "interactive"
kind = "socket"
address = "tls://pbx.example.org:5038"
preamble = "proxy-v2"
connect_limit = 9
idle_limit = 31
input_limit = 1000

[[verb]]
name = "echo"
argv = ["/bin/echo", "{*}"]
environment = { A = "b c", B = '\\d' }
takes_input = true
changes_mail = true
send_stderr = true
time_limit = 31
output_limit = 9223372036854775807
transcript = "full"
redactions = ["[0-9]+"]
tags = ["lists"]
signatures = [
    ["add", { name = "address", type = "email", optional = true }],
]

[[verb]]
name = "passwd"
kind = "plugin"
plugin = "passwd"
signatures = [
    [{ name = "old", type = "secret" }, { name = "new", type = "secret" }],
]
"""
EVERY_FIELD_OF_RULES = (
    {"effect": "limit", "group": "staff", "verb": "passwd", "reason": "r", "at_once": 1, "per_minute": 2}
    | {"per_day": 3, "counted": "verb"},
    {"effect": "deny", "everyone": True, "verb": "echo", "reason": "r", "arguments": {"address": r".*@a\.b"}}
    | {"networks": "10.0.0.0/8", "tls": "no", "mailbox": "INBOX", "weekdays": "mon"}
    | {"hours_from": time(8), "hours_until": time(9, 30, 0, 5)},
    {"effect": "deny", "domain": "example.org", "all_verbs": True, "reason": "r", "enabled": False}
    | {"valid_from": datetime(2026, 1, 1, tzinfo=UTC), "valid_until": datetime(2027, 1, 1, 0, 0, 0, 5, tzinfo=UTC)},
    {"effect": "allow", "user": "ann", "tag": "lists", "reason": "r"},
)


def test_every_field_of_verbs_and_rules_round_trips() -> None:
    make_people()
    defaults = {name: default_of("rule", name) for name in FIELDS["rule"]}
    rules = [defaults | given for given in EVERY_FIELD_OF_RULES]
    text = EVERY_FIELD + "".join(f"\n[[rule]]\n{rule_text(rule)}" for rule in rules)
    load.load(text)
    contents = read_contents()
    for kind, entries in (("verb", list(contents.verbs.values())), ("rule", contents.rules)):
        as_by_default = {name for name in FIELDS[kind] if all(each[name] == default_of(kind, name) for each in entries)}
        assert as_by_default == set(), f"{kind}: the file above says nothing of them"
    assert sorted(map(rule_text, contents.rules)) == sorted(map(rule_text, rules))
    dumped = load.dump()
    assert dumped.partition("\n[[rule]]")[0].splitlines()[1:] == EVERY_FIELD.splitlines()
    empty_the_map()
    load.load(dumped)
    assert load.dump() == dumped
