"""Snapshots of the map and its users, read from a real database."""

import contextlib
import dataclasses

import pytest
from django.contrib.auth.models import Group, User
from django.db import OperationalError, connection

from commands import policy
from commands.arguments import signature
from commands.models import ActionVerb, MapRevision, Parameter, Rule, Signature, Tag, Verb
from commands.rulebook import snapshot as module
from commands.rulebook.snapshot import load_snapshot, load_subject, load_subjects, read_revision

pytestmark = pytest.mark.django_db

SNAPSHOT_QUERIES = 7  # verbs, signatures, parameters, tags, action verbs, and the revision before and after


@pytest.fixture(autouse=True)
def revision():
    return MapRevision.objects.get_or_create(pk=1)[0]


def make_verb(name: str, *usages: list[dict], **fields) -> Verb:
    verb = Verb.objects.create(name=name, argv=["/bin/echo", "{*}"], **fields)
    for position, parameters in enumerate(usages):
        row = Signature.objects.create(verb=verb, position=position)
        for place, parameter in enumerate(parameters):
            Parameter.objects.create(signature=row, position=place, **parameter)
    return verb


def word(text: str) -> dict:
    return {"name": "action", "type": "word", "detail": text}


ADDRESS = {"name": "address", "type": "email"}


def test_verb_is_kept_with_all_its_fields():
    fields = {
        "description": "Keeps a list.",
        "mode": "interactive",
        "environment": {"LIST_DIR": "/srv"},
        "changes_mail": True,
        "send_stderr": True,
        "time_limit": 11,
        "idle_limit": 12,
        "output_limit": 13,
        "input_limit": 14,
    }
    verb = make_verb("blacklist", [word("add"), ADDRESS], [word("list")], **fields)
    entry = load_snapshot().verbs["blacklist"]
    assert {name: getattr(entry, name) for name in fields} == fields
    assert (entry.id, entry.name, entry.kind, entry.argv) == (verb.pk, "blacklist", "program", ("/bin/echo", "{*}"))
    assert entry.usage == "add ADDRESS | list"


def test_signatures_and_parameters_keep_their_positions():
    verb = Verb.objects.create(name="v", argv=["/bin/echo"])
    last, first = (Signature.objects.create(verb=verb, position=position) for position in (2, 1))
    Parameter.objects.create(signature=last, position=0, **word("last"))
    Parameter.objects.create(signature=first, position=2, **ADDRESS)
    Parameter.objects.create(signature=first, position=1, **word("first"))
    assert load_snapshot().verbs["v"].usage == "first ADDRESS | last"


def test_verb_without_signatures_has_no_usage():
    make_verb("bare")
    entry = load_snapshot().verbs["bare"]
    assert (entry.signatures, entry.usage) == ((), "")


def test_verb_that_is_not_enabled_is_kept_apart():
    make_verb("off", enabled=False)
    snapshot = load_snapshot()
    assert dict(snapshot.verbs) == {}
    assert list(snapshot.disabled) == ["off"]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "socket", "address": "tcp://localhost:25", "preamble": "xclient", "connect_limit": 7},
        {"kind": "plugin", "plugin": "passwd"},
        {"takes_input": True},
    ],
    ids=["socket", "plugin", "input"],
)
def test_verb_is_kept_with_the_fields_of_its_kind(fields):
    Verb.objects.create(name="v", **fields)
    entry = load_snapshot().verbs["v"]
    assert {name: getattr(entry, name) for name in fields} == fields


@pytest.mark.parametrize("enabled", [True, False])
def test_snapshot_knows_of_secrets_also_where_a_verb_is_not_enabled(enabled):
    make_verb("passwd", [{"name": "old", "type": "text"}], [{"name": "old", "type": "secret"}], enabled=enabled)
    assert load_snapshot().has_secrets
    Parameter.objects.update(type="text")
    assert not load_snapshot().has_secrets


def test_repeated_parameter_is_kept():
    make_verb("send", [{"name": "recipient", "type": "email", "repeat": True}], takes_input=True)
    assert load_snapshot().verbs["send"].usage == "RECIPIENT... MESSAGE"


def test_tags_and_what_is_to_be_recorded_are_kept():
    verb = make_verb("calendar", transcript="full", redactions=["[0-9]{16}"])
    verb.tags.set([Tag.objects.create(name=name) for name in ("home", "dates")])
    entry = load_snapshot().verbs["calendar"]
    assert (entry.tags, entry.transcript, entry.redactions) == ({"home", "dates"}, "full", ("[0-9]{16}",))


def test_action_verbs_are_kept_in_capitals():
    ActionVerb.objects.all().delete()
    for name in ("ADD", "REMOVE"):
        ActionVerb.objects.create(name=name)
    assert load_snapshot().action_verbs == {"ADD", "REMOVE"}


def test_snapshot_carries_the_revision(revision):
    MapRevision.objects.update(number=41)
    assert load_snapshot().revision == read_revision() == 41


def test_snapshot_can_not_be_changed():
    make_verb("v", environment={"A": "b"})
    snapshot = load_snapshot()
    with pytest.raises(TypeError):
        snapshot.verbs["x"] = snapshot.verbs["v"]
    with pytest.raises(TypeError):
        snapshot.verbs["v"].environment["LD_PRELOAD"] = "x"
    with pytest.raises(dataclasses.FrozenInstanceError):
        snapshot.revision = 0


def test_snapshot_takes_as_many_queries_for_a_large_map_as_for_a_small_one(django_assert_num_queries):
    for number in range(20):
        make_verb(f"verb{number}", [word("add"), ADDRESS], [word("list")]).tags.add(
            Tag.objects.create(name=f"t{number}")
        )
        if number in (0, 19):
            with django_assert_num_queries(SNAPSHOT_QUERIES):
                snapshot = load_snapshot()
            with django_assert_num_queries(0):
                assert len([entry.usage for entry in snapshot.verbs.values()]) == number + 1


def test_snapshot_of_a_map_that_changes_meanwhile_is_read_again(monkeypatch):
    make_verb("first")
    load_verbs = module._load_verbs

    def load_then_change():
        monkeypatch.setattr(module, "_load_verbs", load_verbs)
        verbs = load_verbs()
        make_verb("second")
        MapRevision.objects.update(number=read_revision() + 1)
        return verbs

    monkeypatch.setattr(module, "_load_verbs", load_then_change)
    snapshot = load_snapshot()
    assert set(snapshot.verbs) == {"first", "second"}
    assert snapshot.revision == read_revision()


@pytest.mark.django_db(transaction=True)
def test_map_that_changes_faster_than_it_can_be_read_is_read(monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite nobody changes anything beside the transaction that reads")
    make_verb("v")
    load_verbs, other, changes = module._load_verbs, connection.copy(), []

    def load_while_it_changes():
        verbs = load_verbs()
        assert len(changes) < 10, "it would never have come to an end"
        with contextlib.suppress(OperationalError), other.cursor() as cursor:  # it may not, any more
            cursor.execute("UPDATE commands_maprevision SET number = number + 1")
            changes.append(cursor.rowcount)
        return verbs

    monkeypatch.setattr(module, "_load_verbs", load_while_it_changes)
    try:
        with other.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20ms'")
        snapshot = load_snapshot()
    finally:
        other.close()
    assert changes == [1] * module.TRIES
    assert (list(snapshot.verbs), snapshot.revision) == (["v"], read_revision())


def test_revision_is_read_in_one_query(django_assert_num_queries):
    with django_assert_num_queries(1):
        read_revision()


def test_subject_has_the_groups_of_the_user():
    ann = User.objects.create_user("ann")
    groups = [Group.objects.create(name=name) for name in ("one", "two", "other")]
    ann.groups.set(groups[:2])
    expected = policy.Subject(ann.pk, "ann", frozenset(group.pk for group in groups[:2]))
    assert load_subject(ann.pk) == expected


@pytest.mark.parametrize("count", [0, 1, 20])
def test_subject_takes_one_query_however_many_groups(count, django_assert_num_queries):
    ann = User.objects.create_user("ann")
    ann.groups.set([Group.objects.create(name=f"group {number}") for number in range(count)])
    with django_assert_num_queries(1):
        subject = load_subject(ann.pk)
    assert subject is not None and len(subject.group_ids) == count


def test_many_subjects_take_one_query(django_assert_num_queries):
    group = Group.objects.create(name="one")
    users = [User.objects.create_user(f"user{number}", is_active=number != 3) for number in range(5)]
    group.user_set.set(users[:2])
    with django_assert_num_queries(1):
        subjects = load_subjects([user.pk for user in users] + [0])
    assert subjects == {
        user.pk: policy.Subject(user.pk, user.username, frozenset({group.pk} if user in users[:2] else ()))
        for user in users
        if user is not users[3]
    }


def test_user_who_is_not_active_or_not_there_is_no_subject():
    ann = User.objects.create_user("ann", is_active=False)
    ann.groups.set([Group.objects.create(name="one")])
    assert load_subject(ann.pk) is None
    assert load_subject(ann.pk + 1000) is None


def test_superuser_is_a_subject_like_any_other():
    root = User.objects.create_superuser("root")
    assert load_subject(root.pk) == policy.Subject(root.pk, "root", frozenset())


def test_parameter_of_the_model_is_the_signatures_own():
    fields = {"optional": True, "max_length": 9, "allow_leading_dash": True, "max_count": 3, "characters": "0-9"}
    model = Parameter(name="n", type="integer", detail="1 5", **fields)
    assert model.matcher() == signature.Parameter("n", signature.ParameterType.INTEGER, "1 5", **fields)
    assert model.usage == "[N]"


def test_types_of_the_model_and_of_signatures_are_the_same():
    assert set(Parameter.Type.values) == set(signature.ParameterType)
    assert set(Rule.Effect.values) == set(policy.Effect) - {policy.Effect.LOCK}
    assert set(Rule.Counted.values) == set(policy.Counted)
