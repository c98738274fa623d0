"""What is dumped can be loaded and is then dumped as it was, byte by byte; loading what is there changes nothing."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from pytest_django import Settings

from commands.mapfile import load
from commands.mapfile.entries import Contents
from commands.mapfile.to_toml import to_toml
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
