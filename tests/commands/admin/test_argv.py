"""What would run for sample arguments: by the form as it stands in the browser, with nothing saved."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from commands.models import AuditEvent, Parameter, Verb
from tests.commands.admin.conftest import make_verb
from tests.commands.admin.test_verb import formset, parameter, verb_form

PAGE = "/admin/commands/verb/argv/"
WORD = {"name": "action", "type": "word", "detail": "add"}
ADDRESS = {"name": "address", "type": "email"}
SECRET = {"name": "old", "type": "secret"}


def signature(*parameters: dict[str, str]) -> dict[str, Any]:
    form = formset("signatures", 1) | formset("signatures-0-parameters", len(parameters))
    for number, fields in enumerate(parameters):
        form |= parameter(f"signatures-0-parameters-{number}", **fields)
    return form | {"signatures-0-position": 0}


def ask(client: Client, sample: str, **fields: Any) -> Any:
    response = client.post(PAGE, verb_form(**fields) | {"sample": sample})
    assert response.status_code == 200
    return response


def vector(response: Any) -> list[str]:
    return [each.shown for each in response.context["elements"]]


def test_vector_is_that_of_the_form_as_it_stands(admin_client: Client):
    response = ask(admin_client, "add\njoe@smith.com", argv='["/bin/echo", "-n", "{*}"]', **signature(WORD, ADDRESS))
    assert vector(response) == ["/bin/echo", "-n", "add", "joe@smith.com"]
    assert response.context["number"] == 1
    assert [each.from_client for each in response.context["elements"]] == [False, False, True, True]


def test_each_argument_is_one_element_whatever_is_in_it(admin_client: Client):
    sample = "; id\n$(id) 'x'\n\n\\xff\\n"
    fields = signature({"name": "it", "type": "file", "repeat": "on"})
    response = ask(admin_client, sample, argv='["/bin/echo", "{it}"]', **fields)
    assert vector(response) == ["/bin/echo", '"; id"', "\"$(id) 'x'\"", '""', r"\xff\x0a"]
    assert response.context["shell"].startswith("/bin/echo '; id' ")


def test_argument_left_out_makes_no_element(admin_client: Client):
    fields = signature({"name": "it", "optional": "on"})
    assert vector(ask(admin_client, "", argv='["/bin/echo", "{it}", "end"]', **fields)) == ["/bin/echo", "end"]


def test_reason_is_given_for_each_signature_that_does_not_take_them(admin_client: Client):
    response = ask(admin_client, "add\njoe", **signature(WORD, ADDRESS))
    assert response.context["reasons"] == [("add ADDRESS", "argument 2 (ADDRESS) is no e-mail address")]
    assert "elements" not in response.context


def test_without_any_the_ways_to_call_it_are_shown(admin_client: Client):
    assert ask(admin_client, "", **signature(WORD, ADDRESS)).context["ways"] == ["add ADDRESS"]


def test_more_than_any_verb_takes_is_said_so(admin_client: Client):
    assert "more than 16 arguments" in ask(admin_client, "x\n" * 17).context["refused"]


def test_secret_is_shown_neither_in_the_vector_nor_beside_it(admin_client: Client):
    response = ask(admin_client, "hunter2", argv='["/bin/echo"]', **signature(SECRET))
    assert "hunter2" not in response.content.decode()
    assert "begins with 1 secret" in response.content.decode()
    assert vector(response) == ["/bin/echo"]


@pytest.mark.parametrize(
    ("fields", "label", "text"),
    [
        ({"argv": '["echo"]'}, "Argument vector", "must be absolute"),
        ({"argv": '["/bin/echo"'}, "Argument vector", "Not JSON at line 1"),
        ({"argv": '["/no/such"]'}, "Argument vector", "There is no /no."),
        ({"argv": '["/bin/echo", "{x}"]'}, "Signatures", "the name of no parameter"),
        (signature({"name": "a", "type": "word"}), "Signature 1, parameter 1, Detail", "Give the word"),
        ({"kind": "plugin", "argv": ""}, "Plugin", "needs this"),
    ],
)
def test_fault_is_told_by_its_field(admin_client: Client, fields: dict[str, Any], label: str, text: str):
    faults = ask(admin_client, "", **fields).context["faults"]
    assert [fault.label for fault in faults] == [label]
    assert text in faults[0].text


def test_name_that_is_yet_to_be_given_is_no_fault_here(admin_client: Client):
    assert ask(admin_client, "", name="").context["faults"] == []


def test_signature_that_is_to_be_deleted_takes_nothing(admin_client: Client):
    verb = make_verb("greet", (Parameter(name="it"),))
    row = verb.signatures.get()
    fields = formset("signatures", 1, 1) | formset("signatures-0-parameters", 1, 1)
    fields |= {"signatures-0-id": row.pk, "signatures-0-verb": verb.pk, "signatures-0-position": 0}
    fields |= parameter("signatures-0-parameters-0", id=row.parameters.get().pk, name="it")
    assert ask(admin_client, "x", verb=verb.pk, **fields).context["number"] == 1
    response = ask(admin_client, "x", verb=verb.pk, **fields, **{"signatures-0-DELETE": "on"})
    assert response.context["reasons"] == [("(no arguments)", "argument 1 is one too many")]


def test_nothing_is_saved_and_nothing_recorded(admin_client: Client):
    verb = make_verb("greet", argv=["/bin/true"])
    ask(admin_client, "add\na@b.c", verb=verb.pk, name="other", **signature(WORD, ADDRESS))
    assert [(each.name, each.argv, each.signatures.count()) for each in Verb.objects.all()] == [
        ("greet", ["/bin/true"], 0)
    ]
    assert not AuditEvent.objects.filter(kind="change").exists()


def test_markup_is_inert(admin_client: Client):
    hostile = "<script>alert(1)</script>\u202e"
    page = ask(admin_client, hostile, argv='["/bin/echo", "{*}"]', **signature({"name": "it"})).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize(
    ("codename", "adds", "changes"), [("view_verb", 403, 403), ("add_verb", 200, 403), ("change_verb", 403, 200)]
)
def test_who_may_not_save_it_is_told_nothing(client: Client, db: None, codename: str, adds: int, changes: int):
    verb = make_verb("greet", (Parameter(name="it"),))
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename=codename))
    client.force_login(user)
    assert client.post(PAGE, verb_form()).status_code == adds
    assert client.post(PAGE, verb_form(verb=verb.pk, sample="x")).status_code == changes


def test_signatures_that_one_may_not_change_are_those_stored(client: Client, db: None):
    verb = make_verb("greet", (Parameter(name="it"),))
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="change_verb"))
    client.force_login(user)
    assert vector(ask(client, "x", verb=verb.pk)) == ["/bin/echo", "x"]


@pytest.mark.parametrize("verb", ["0", "x", "99999999999999999999", "\0"])
def test_verb_that_is_not_there_is_not_found(admin_client: Client, verb: str):
    assert admin_client.post(PAGE, verb_form(verb=verb)).status_code == 404


def test_it_is_asked_by_post_alone(admin_client: Client):
    assert admin_client.get(PAGE).status_code == 405


def test_form_that_lacks_its_parts_is_no_fault_of_the_server(admin_client: Client):
    assert admin_client.post(PAGE, {}).status_code == 200


def test_rows_of_another_verb_are_not_told_of(admin_client: Client):
    other = make_verb("other", (Parameter(name="theirs"),)).signatures.get()
    verb = make_verb("greet")
    fields = formset("signatures", 1, 1) | formset("signatures-0-parameters")
    response = ask(admin_client, "x", verb=verb.pk, **fields, **{"signatures-0-id": other.pk})
    assert "theirs" not in response.content.decode().lower()


def test_sizes_may_be_given_in_units(admin_client: Client):
    form = verb_form(output_limit="2 MiB", input_limit="64k")
    assert admin_client.post("/admin/commands/verb/add/", form).status_code == 302
    verb = Verb.objects.get()
    assert (verb.output_limit, verb.input_limit) == (2 * 2**20, 64 * 2**10)
    assert 'value="2 MiB"' in admin_client.get(f"/admin/commands/verb/{verb.pk}/change/").content.decode()


@pytest.mark.parametrize("size", ["", "-1", "1.5 MiB", "x", "1 TB", "9" * 30])
def test_size_that_is_none_is_refused(admin_client: Client, size: str):
    response = admin_client.post("/admin/commands/verb/add/", verb_form(output_limit=size))
    assert list(response.context["adminform"].form.errors) == ["output_limit"]
