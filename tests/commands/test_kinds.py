"""The kinds of executable: a line each, from which map, page and execution know it."""

import inspect

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from commands.execution.kinds import START
from commands.kinds import KINDS, Kind, foreign_fields
from commands.models import Verb
from commands.rulebook.snapshot import VerbEntry


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_names_fields_of_the_map_and_a_function_that_starts_it(name):
    fields = {field.name for field in Verb._meta.get_fields()} & set(VerbEntry.__dataclass_fields__)
    assert KINDS[name].fields <= fields
    assert KINDS[name].needs not in foreign_fields(name)
    assert inspect.iscoroutinefunction(START[name])


@pytest.fixture
def fourth(monkeypatch):
    monkeypatch.setitem(KINDS, "fourth", Kind("a trial", "commands.execution.socket.start_socket", needs="address"))


def test_map_knows_a_fourth_kind_by_its_line(fourth):
    Verb(name="v", kind="fourth", address="tcp://localhost:25").full_clean(validate_unique=False)
    with pytest.raises(ValidationError) as caught:
        Verb(name="v", kind="fourth", plugin="passwd").full_clean(validate_unique=False)
    assert set(caught.value.message_dict) == {"address", "plugin"}


@pytest.mark.django_db
def test_page_offers_a_fourth_kind_by_its_line(fourth, admin_client: Client, settings):
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    assert "fourth: a trial" in admin_client.get("/admin/commands/verb/add/").content.decode()
