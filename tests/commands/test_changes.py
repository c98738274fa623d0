"""Every change of the map is on the audit record once it is committed: who, what, before and after."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from commands.audit_text import decode_arguments
from commands.changes import by_command
from commands.mapfile.load import draft, load
from commands.models import ActionVerb, AuditEvent, Lock, Rule, Tag, Verb
from tests.commands.admin.conftest import make_verb

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.history]

MAP = 'version = 1\n[[verb]]\nname = "echo"\nargv = ["/bin/echo"]\n'


def events() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(kind=AuditEvent.Kind.CHANGE).order_by("pk"))


def told(event: AuditEvent) -> list[str]:
    return [argument.decode() for argument in decode_arguments(event.arguments) if isinstance(argument, bytes)]


def test_a_load_is_recorded_change_by_change() -> None:
    with by_command("map load"):
        load(MAP, "first")
        load(f"{MAP}time_limit = 60\n", "slow disks")
        load("version = 1\n", "not needed")
    added, changed, deleted = events()
    assert [added.outcome, changed.outcome, deleted.outcome] == ["added", "changed", "deleted"]
    assert changed.reason == "verb echo changed: slow disks"
    assert told(changed) == ["time_limit: 30 → 60"]
    assert told(added) == ['argv: ["/bin/echo"]']
    assert {event.verb for event in (added, changed, deleted)} == {"echo"}
    assert changed.actor.endswith("(manage.py map load)")
    assert changed.door == "terminal"


def test_rules_and_locks_are_recorded_by_what_they_say() -> None:
    user, verb = User.objects.create_user("ann"), make_verb("calendar")
    rule = Rule.objects.create(user=user, verb=verb, reason="hers")
    rule.reason = "hers still"
    rule.save()
    lock = Lock.objects.create(user=user, reason="lost phone")
    lock.delete()
    user.delete()
    assert [event.reason for event in events()][1:] == [
        "rule allow user ann: calendar added",
        "rule allow user ann: calendar changed",
        "lock user ann (lost phone) added",
        "lock user ann (lost phone) deleted",
        "rule allow user ann: calendar deleted",
    ]
    assert told(events()[2]) == ['reason: "hers" → "hers still"']


def test_tags_and_action_verbs_are_recorded() -> None:
    tag = Tag.objects.create(name="lists", description="Lists")
    ActionVerb.objects.create(name="ADD")
    tag.delete()
    assert [event.reason for event in events()] == ["tag lists added", "action verb ADD added", "tag lists deleted"]


def test_values_of_environment_variables_are_not_recorded() -> None:
    verb = make_verb("dial", environment={"PIN": "4711", "LINE": "2"})
    verb.environment = {"PIN": "0815", "GATE": "9"}
    verb.save()
    made, changed = events()
    assert told(made)[1] == "environment: + LINE, + PIN"
    assert told(changed) == ["environment: + GATE, - LINE, ~ PIN"]
    assert not any(
        value in f"{event.arguments_text} {event.reason}" for event in events() for value in ("4711", "0815")
    )


def test_what_is_rolled_back_is_not_recorded() -> None:
    with draft(MAP):
        assert Verb.objects.exists()
    with transaction.atomic():
        make_verb("echo")
        transaction.set_rollback(True)
    assert events() == []


def test_a_save_that_changes_nothing_is_not_recorded() -> None:
    verb = make_verb("echo")
    verb.save()
    assert len(events()) == 1


def test_who_makes_a_change_in_the_admin_is_recorded(client: Client, settings: Settings) -> None:
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    admin = User.objects.create_superuser("root")
    client.force_login(admin)
    client.post("/admin/commands/tag/add/", {"name": "lists", "description": ""}, REMOTE_ADDR="192.0.2.9")
    (event,) = events()
    assert (event.actor, event.actor_id, event.door, event.remote_addr) == ("root", admin.pk, "web", "192.0.2.9")


def test_the_demo_map_is_recorded_as_its_commands_work(settings: Any, tmp_path: Any, capsys: Any) -> None:
    settings.DEBUG, settings.DATA_DIR = True, tmp_path / "data"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("demo")
    assert {event.outcome for event in events()} == {"added"}
    assert all(event.actor.endswith("(manage.py demo)") for event in events())
    assert len([event for event in events() if event.reason.startswith("verb ")]) == Verb.objects.count()


def test_changes_of_one_command_are_recorded_even_where_it_fails_afterwards() -> None:
    with pytest.raises(RuntimeError, match="later"), by_command("demo"):
        make_verb("echo")
        raise RuntimeError("later")
    assert [event.reason for event in events()] == ["verb echo added"]
