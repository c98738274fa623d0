"""What a verb may run is looked at when it is saved: the program's file, and shells by who saves."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from commands.models import Verb
from tests.commands.admin.conftest import make_verb
from tests.commands.admin.test_verb import ADD, verb_form

SHELL = ["/bin/sh", "/opt/report"]
SHELL_MAP = f'version = 1\n[[verb]]\nname = "report"\nargv = {json.dumps(SHELL)}\n'
EDIT = ("view_verb", "add_verb", "change_verb", "view_signature", "add_signature", "change_signature")
LOAD = tuple(
    f"{deed}_{model}" for model in ("verb", "rule", "tag", "actionverb") for deed in ("add", "change", "delete")
)


def editor(client: Client, *codenames: str) -> Client:
    user = User.objects.create_user("editor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return client


def page_of(verb: Verb) -> str:
    return f"/admin/commands/verb/{verb.pk}/change/"


def errors(response: Any) -> str:
    return " ".join(response.context["adminform"].form.errors.get("argv", [])) if response.status_code == 200 else ""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "tool"
    path.write_text("#!/bin/true\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("mode", "error"),
    [(0o755, ""), (0o644, "can't be executed by"), (0o757, "can be written by everybody: chmod o-w")],
)
def test_program_that_would_not_be_started_is_refused(admin_client: Client, program: Path, mode: int, error: str):
    program.chmod(mode)
    response = admin_client.post(ADD, verb_form(argv=json.dumps([str(program)])))
    assert error in errors(response)
    assert Verb.objects.exists() is (not error)


def test_program_in_a_directory_that_everybody_may_write_is_refused(admin_client: Client, program: Path):
    program.parent.chmod(0o777)
    response = admin_client.post(ADD, verb_form(argv=json.dumps([str(program)])))
    assert f"{program.parent} can be written by everybody" in errors(response)


def test_name_of_a_program_is_inert_in_its_error(admin_client: Client):
    response = admin_client.post(ADD, verb_form(argv=json.dumps(["/no/<b>\u202e"])))
    assert "There is no /no." in errors(response)
    response = admin_client.post(ADD, verb_form(argv=json.dumps(["/<b>\u202e"])))
    assert "There is no /<b>\\u202e." in errors(response)
    assert "/<b>" not in response.content.decode()


def test_verb_whose_program_has_gone_can_be_disabled_and_not_be_enabled(admin_client: Client):
    verb = make_verb("greet", argv=["/no/such/program"])
    form = verb_form(argv=json.dumps(verb.argv))
    assert "There is no /no." in errors(admin_client.post(page_of(verb), form))
    del form["enabled"]
    assert admin_client.post(page_of(verb), form).status_code == 302
    assert not Verb.objects.get().enabled
    assert "There is no /no." in errors(admin_client.post(page_of(verb), form | {"enabled": "on"}))


@pytest.mark.parametrize("argv", [["/bin/sh", "-c", "id"], ["/usr/bin/env", "A=b", "true"], ["/usr/bin/awk", "1"]])
def test_shell_takes_the_right_for_it(client: Client, db: None, argv: list[str]):
    form = verb_form(argv=json.dumps(argv))
    response = editor(client, *EDIT).post(ADD, form)
    assert "runs whatever its arguments say" in errors(response)
    User.objects.get().user_permissions.add(Permission.objects.get(codename="shell_verb"))
    assert client.post(ADD, form).status_code == 302


def test_shell_that_is_there_may_stay_and_its_script_may_not_be_changed(client: Client, db: None):
    verb = make_verb("greet", argv=SHELL)
    form = verb_form(argv=json.dumps(SHELL), description="it greets")
    assert editor(client, *EDIT).post(page_of(verb), form).status_code == 302
    assert Verb.objects.get().description == "it greets"
    response = client.post(page_of(verb), verb_form(argv=json.dumps(["/bin/sh", "-c", "id"])))
    assert "runs whatever its arguments say" in errors(response)


def test_shell_that_a_disabled_socket_hid_is_no_shell_that_was_there(client: Client, db: None):
    verb = make_verb("greet", kind="socket", argv=[], address="unix:/run/x")
    response = editor(client, *EDIT).post(page_of(verb), verb_form(argv=json.dumps(SHELL)))
    assert "runs whatever its arguments say" in errors(response)


@pytest.mark.history
def test_version_with_a_shell_is_not_reverted_to_without_the_right(client: Client, db: None):
    verb = make_verb("greet", argv=SHELL)
    verb.argv = ["/bin/true"]
    verb.save()
    version = verb.history.earliest()
    address = f"/admin/commands/verb/{verb.pk}/revert/{version.history_id}/"
    assert editor(client, *EDIT).post(address).status_code == 403
    assert address not in client.get(f"/admin/commands/verb/{verb.pk}/history/").content.decode()
    User.objects.get().user_permissions.add(Permission.objects.get(codename="shell_verb"))
    assert client.post(address).status_code == 302
    assert Verb.objects.get().argv == SHELL


def test_file_with_a_shell_is_not_loaded_without_the_right(client: Client, db: None):
    load = {"do": "load", "text": SHELL_MAP, "reason": "new"}
    page = editor(client, *LOAD).post("/admin/commands/verb/map/", load).content.decode()
    assert "runs whatever its arguments say: to load this takes the right" in page
    assert not Verb.objects.exists()
    User.objects.get().user_permissions.add(Permission.objects.get(codename="shell_verb"))
    assert client.post("/admin/commands/verb/map/", load).status_code == 302


def test_file_whose_shell_is_there_already_is_loaded_without_the_right(client: Client, db: None):
    make_verb("report", argv=SHELL)
    text = f'{SHELL_MAP}description = "a report"\n'
    response = editor(client, *LOAD).post("/admin/commands/verb/map/", {"do": "load", "text": text, "reason": "text"})
    assert response.status_code == 302
    assert Verb.objects.get().description == "a report"


def test_page_of_the_map_warns_of_programs_that_would_not_be_started(admin_client: Client):
    text = 'version = 1\n[[verb]]\nname = "gone"\nargv = ["/no/such/program"]\n'
    page = admin_client.post("/admin/commands/verb/map/", {"do": "compare", "text": text}).content.decode()
    assert "There is no /no. It would not be started on this machine." in page
