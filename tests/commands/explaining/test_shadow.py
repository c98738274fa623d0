"""Recorded attempts are decided again by a draft: what would come out otherwise, and by which rule."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from commands.audit_text import Redacted
from commands.explaining import shadow
from commands.mapfile.load import MapFileError
from commands.models import AuditEvent, Rule, Verb
from tests.commands.admin.conftest import make_event

pytestmark = [pytest.mark.django_db, pytest.mark.history]

HEAD = """\
version = 1
[tags]
lists = ""
[[verb]]
name = "blacklist"
argv = ["/bin/echo", "{*}"]
tags = ["lists"]
signatures = [["add", { name = "address", type = "email" }], ["list"]]
[[verb]]
name = "passwd"
kind = "plugin"
plugin = "passwd"
signatures = [[{ name = "old", type = "secret" }, { name = "new", type = "secret" }]]
[[verb]]
name = "note"
argv = ["/bin/cat"]
takes_input = true
"""


def rule(effect: str, *conditions: str, verb: str = 'verb = "blacklist"') -> str:
    who = "" if any("user" in each or "group" in each for each in conditions) else "everyone = true\n"
    lines = "\n".join(conditions)
    return f'[[rule]]\neffect = "{effect}"\n{who}{verb}\nreason = "why"\n{lines}\n'


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann")


def attempt(user: User, *arguments: Any, accepted: bool = True, **fields: Any) -> AuditEvent:
    how = {"kind": "accept", "outcome": "accepted", "rule": "allow user ann: blacklist"} if accepted else {}
    return make_event(arguments, **({"actor": user.username, "actor_id": user.pk} | how | fields))


def decide(draft: str, **options: Any) -> shadow.ShadowRun:
    run = shadow.prepare(HEAD + draft, **options)
    list(run.decide())
    return run


def groups(run: shadow.ShadowRun) -> list[tuple[str, str, str, str, int]]:
    return [(each.username, each.verb, each.was, each.would_be, each.count) for each in run.sorted_groups()]


def test_right_that_is_taken_away_is_found(ann: User) -> None:
    for _ in range(3):
        attempt(ann, b"list")
    run = decide("")
    assert groups(run) == [("ann", "blacklist", "accepted", "noperm", 3)]
    (group,) = run.sorted_groups()
    assert (group.was_by, group.would_be_by) == ("allow user ann: blacklist", "no rule allows it")
    assert (run.lost, run.gained) == (3, 0)


def test_right_that_is_given_is_found(ann: User) -> None:
    attempt(ann, b"list", accepted=False)
    run = decide(rule("allow"))
    assert groups(run) == [("ann", "blacklist", "noperm", "accepted", 1)]
    assert run.sorted_groups()[0].would_be_by == "allow everyone: blacklist"


def test_what_comes_out_as_it_did_is_not_told(ann: User) -> None:
    attempt(ann, b"list")
    attempt(ann, b"list", accepted=False, outcome="limit", reason="too many executions at once")
    attempt(ann, b"list", accepted=False, outcome="unavailable")
    run = decide(rule("allow"))
    assert groups(run) == []
    assert run.summary == "2 attempts were decided again: none would come out otherwise."


def test_arguments_are_those_of_then(ann: User) -> None:
    attempt(ann, b"add", b"joe@example.org")
    attempt(ann, b"add", b"joe@smith.com")
    run = decide(rule("allow") + rule("deny", r"arguments = { address = '.*@example\.org' }"))
    (group,) = run.sorted_groups()
    assert group.arguments == "add joe@example.org"


def test_time_address_and_tls_are_those_of_then(ann: User) -> None:
    monday = timezone.make_aware(datetime(2026, 3, 2, 9))
    attempt(ann, b"list", at=monday, remote_addr="192.0.2.7", tls=True)
    draft = rule("allow", 'weekdays = "mon"', 'networks = "192.0.2.0/24"', 'tls = "yes"')
    assert not decide(draft, days=36500).differing
    attempt(ann, b"list", at=monday + timedelta(days=1), remote_addr="192.0.2.7", tls=True)
    attempt(ann, b"list", at=monday, remote_addr="198.51.100.7", tls=True)
    attempt(ann, b"list", at=monday, remote_addr="192.0.2.7", tls=False)
    assert decide(draft, days=36500).differing == 3


def test_secret_argument_is_taken_for_one_that_fits(ann: User) -> None:
    attempt(ann, Redacted(4, b"x" * 32), Redacted(9, b"y" * 32), verb="passwd")
    assert not decide(rule("allow", verb="all_verbs = true")).differing


def test_verb_that_takes_a_message_is_taken_as_given_one(ann: User) -> None:
    attempt(ann, verb="note")
    assert not decide(rule("allow", verb="all_verbs = true")).differing


def test_usage_error_whose_cause_is_not_on_record_is_not_decided(ann: User) -> None:
    attempt(ann, Redacted(4, b"x" * 32), verb="passwd", accepted=False, outcome="usage")
    attempt(ann, verb="note", accepted=False, outcome="usage")
    run = decide(rule("allow", verb="all_verbs = true"))
    assert (run.decided, run.skipped) == (0, 2)


def test_user_who_is_gone_or_has_another_name_is_not_decided(ann: User) -> None:
    attempt(ann, b"list")
    attempt(ann, b"list", actor="anna")
    User.objects.all().delete()
    assert (run := decide("")).skipped == 2
    assert "2 attempts were not: the user is gone" in run.summary


def test_condition_on_the_mailbox_is_not_held_against_the_draft(ann: User) -> None:
    attempt(ann, b"list")
    assert not decide(rule("allow", 'mailbox = "INBOX"') + rule("deny", 'mailbox = "Trash"')).differing


def test_signature_that_changed_is_found(ann: User) -> None:
    attempt(ann, b"show")
    run = decide(rule("allow"))
    assert groups(run) == [("ann", "blacklist", "accepted", "usage", 1)]


def test_days_user_verb_and_number_narrow_it(ann: User) -> None:
    other = User.objects.create_user("joe")
    for at, user, verb in ((0, ann, "blacklist"), (0, other, "blacklist"), (0, ann, "note"), (3, ann, "blacklist")):
        attempt(user, b"list", verb=verb, at=timezone.now() - timedelta(days=at))
    assert decide("", days=36500).decided == 4
    assert decide("", days=1).decided == 3
    assert decide("", days=1, username="ann").decided == 2
    assert decide("", days=1, username="ann", verb="Note").decided == 1
    assert decide("", newest=2).decided == 2


def test_draft_leaves_nothing_behind(ann: User) -> None:
    attempt(ann, b"list")
    decide(rule("allow"))
    assert not Verb.objects.exists()
    assert not Rule.history.exists()


def test_draft_that_cannot_be_loaded_is_refused() -> None:
    with pytest.raises(MapFileError, match="argv"):
        shadow.prepare('version = 1\n[[verb]]\nname = "x"\n')
