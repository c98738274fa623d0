"""What a process keeps of the map and its users: never what is not so any more, and never without a bound."""

import asyncio
import contextlib

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from commands import audit
from commands.models import MapRevision, Rule
from commands.rulebook import known
from commands.rulebook.snapshot import TRIES

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann():
    Rule.objects.create(everyone=True, all_verbs=True)
    return User.objects.create_user("ann")


def ask(unit):
    """What a unit of the writer answers."""

    async def submitted():
        return await audit.writer.submit(unit)

    return asyncio.run(submitted())


def texts(party: known.Party) -> list[str]:
    return [rule.text for rule in party.rules]


def test_user_is_known_with_the_rules_and_the_map_of_one_revision(ann):
    party = ask(lambda: known.Known().party(ann.pk))
    assert party.subject is not None and party.subject.username == "ann"
    assert texts(party) == ["allow everyone: all verbs"]
    assert party.snapshot.revision == MapRevision.objects.get().number


def test_known_user_takes_the_revision_at_most(ann):
    map_ = known.Known()

    def counted():
        with CaptureQueriesContext(connection) as queries:
            map_.party(ann.pk)
        return len(queries)

    ask(counted)
    assert ask(counted) <= 1


def test_user_who_was_not_there_is_known_when_it_comes(ann):
    map_, revision = known.Known(), MapRevision.objects.get().number
    assert ask(lambda: map_.party(ann.pk + 1)).subject is None
    User.objects.create(pk=ann.pk + 1, username="bob")
    MapRevision.objects.update(number=revision)
    assert ask(lambda: map_.party(ann.pk + 1)).subject.username == "bob"


def test_map_that_changes_while_a_user_is_read_is_read_again(ann, monkeypatch):
    """Else the rules of one revision would be decided on by the verbs of another."""
    load_rules = known.load_rules

    def load_then_change(*subjects, **shared):
        monkeypatch.setattr(known, "load_rules", load_rules)
        rules = load_rules(*subjects, **shared)
        Rule.objects.all().delete()
        return rules

    monkeypatch.setattr(known, "load_rules", load_then_change)
    assert texts(ask(lambda: known.Known().party(ann.pk))) == []


def test_rules_for_everyone_that_change_while_they_are_read_are_read_again(ann, monkeypatch):
    load_common_rules = known.load_common_rules

    def change_then_load():
        monkeypatch.setattr(known, "load_common_rules", load_common_rules)
        Rule.objects.all().delete()
        return load_common_rules()

    monkeypatch.setattr(known, "load_common_rules", change_then_load)
    party = ask(lambda: known.Known().party(ann.pk))
    assert (texts(party), party.snapshot.revision) == ([], MapRevision.objects.get().number)


def test_user_of_a_map_that_changes_all_the_time_is_read(ann, monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite nobody changes anything beside the transaction that reads")
    load_rules, other, changes = known.load_rules, connection.copy(), []

    def load_while_it_changes(*subjects, **shared):
        rules = load_rules(*subjects, **shared)
        assert len(changes) < 10, "it would never have come to an end"
        with contextlib.suppress(OperationalError), other.cursor() as cursor:  # it may not, any more
            cursor.execute("SET lock_timeout = '20ms'")
            cursor.execute("UPDATE commands_maprevision SET number = number + 1")
            changes.append(cursor.rowcount)
        return rules

    monkeypatch.setattr(known, "load_rules", load_while_it_changes)
    other.inc_thread_sharing()  # the writer's thread uses it
    try:
        party = ask(lambda: known.Known().party(ann.pk))
    finally:
        other.close()
    assert changes == [1] * TRIES
    assert party.snapshot.revision == MapRevision.objects.get().number


def test_what_is_kept_of_users_has_a_bound(ann, monkeypatch):
    monkeypatch.setattr(known, "MAX_USERS", 3)
    users = [ann, *(User.objects.create_user(f"user{number}") for number in range(7))]
    map_ = known.Known()
    for user in users * 2:
        assert map_.party(user.pk).subject.username == user.username
        assert len(map_._map._parties) <= 3
