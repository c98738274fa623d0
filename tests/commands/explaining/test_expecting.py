"""Expectations against the database: what is as expected, and what is said of what is not."""

import pytest
from django.contrib.auth.models import User

from commands.explaining.expectations import parse_line
from commands.explaining.expecting import Checker
from commands.models import Lock
from tests.commands.explained import make_rule, make_site, make_verb


@pytest.fixture
def site(db):
    site = make_site()
    User.objects.create_user("gone", is_active=False)
    make_verb("off", enabled=False)
    return site


def found(line: str) -> str:
    failure = Checker().check(parse_line(line))
    return "" if failure is None else failure.found


@pytest.mark.parametrize(
    "line",
    [
        "ann may run calendar",
        "ann may run calendar add 2026-01-01",
        "ann may run passwd",
        "ann with tls may run passwd - -",
        "ann without tls may not run passwd - -",
        "ann without tls may not run passwd",
        "bob@example.org may run calendar",
        "bob@example.org may run calendar list",
        "bob@example.org may not run calendar add 2026-01-01",
        "bob@example.org may not run passwd",
        "group staff may run calendar",
        "domain example.org may run calendar list",
        "domain example.org may not run passwd",
        "everyone may not run off",
        "gone may not run calendar",
    ],
)
def test_true_sentence_is_as_expected(site, line):
    assert found(line) == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ann may not run calendar", "ann may: rule {calendar_rule}: allow group staff: calendar"),
        ("bob@example.org may run passwd", "bob@example.org may not: no rule allows it"),
        (
            "ann may not run passwd",
            "ann may: by rule {passwd_rule}: allow group staff: verbs tagged account (by TLS alone)",
        ),
        ("everyone may run calendar", "a new user may not: no rule allows it"),
        ("nobody may run calendar", "there is no user nobody"),
        ("nobody may not run calendar", "there is no user nobody"),
        ("group none may not run calendar", "there is no group none"),
        ("ann may not run none", "there is no verb none"),
        ("ann may run off", "the verb off is not enabled"),
        ("gone may run calendar", "the user gone is not active"),
        ("ann may run calendar add someday", "these are none of its arguments: calendar: usage: add DAY | list"),
        ("ann may not run calendar add someday", "these are none of its arguments"),
    ],
)
def test_other_than_expected_is_said_with_its_rule(site, line, said):
    numbers = {name: site[name].pk for name in ("calendar_rule", "passwd_rule")}
    assert found(line).startswith(said.format(**numbers))


def test_one_member_who_may_not_is_named(site):
    carol = User.objects.create_user("carol")
    carol.groups.add(site["staff"])
    deny = make_rule("deny", user=carol, verb=site["calendar"])
    assert found("group staff may run calendar") == f"carol may not: {f'rule {deny.pk}: {deny}'}"
    assert found("group staff may not run calendar").startswith("a new user may: rule")


def test_of_many_who_may_not_some_are_named(site):
    User.objects.bulk_create(User(username=f"user{number}") for number in range(9))
    said = found("everyone may run calendar")
    assert said.startswith("a new user may not: no rule allows it; user0 may not: no rule allows it")
    assert said.endswith("; and others")


def test_user_whom_a_rule_of_its_own_allows_it_makes_may_not_of_everyone_untrue(site):
    assert found("everyone may not run calendar").startswith("ann may: ")
    assert found("everyone may not run off") == ""
    make_rule(user=site["bob"], verb=make_verb("other"))
    assert found("everyone may not run other").startswith("bob@example.org may: ")
    assert found("group staff may not run other") == ""
    assert found("domain example.org may not run other").startswith("bob@example.org may: ")


def test_circumstances_that_are_not_given_are_open(site):
    make_rule(everyone=True, verb=make_verb("office"), networks="10.0.0.0/8", weekdays="mon tue")
    assert found("bob@example.org may run office") == ""
    assert found("bob@example.org from 10.0.0.1 may run office") == ""
    assert found("bob@example.org from 192.0.2.1 may not run office") == ""
    assert found("bob@example.org from 10.0.0.1 at 2026-06-01 12:00 may run office") == ""
    assert found("bob@example.org from 10.0.0.1 at 2026-06-03 12:00 may not run office") == ""
    assert "networks" not in found("bob@example.org may not run office")
    assert "from 10.0.0.0/8" in found("bob@example.org may not run office")


def test_lock_counts(site):
    Lock.objects.create(everything=True, reason="a fire")
    assert found("ann may run calendar").endswith("everything (a fire)")


def test_secret_argument_of_a_sentence_is_not_told(site):
    failure = Checker().check(parse_line("bob@example.org may run passwd hunter2 hunter3"))
    assert failure is not None
    assert failure.expected == "bob@example.org may run passwd (secret) (secret)"


def test_argument_of_a_mistyped_verb_may_be_a_secret_and_is_not_told(site):
    failure = Checker().check(parse_line("ann may run paswd hunter2"))
    assert failure is not None and failure.expected == "ann may run paswd (secret)"
