from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commands.models import Parameter, Rule, Verb
from tests.commands.admin.conftest import make_verb

ADD = "/admin/commands/verb/add/"
LIMITS = {
    "time_limit": 30,
    "idle_limit": 30,
    "output_limit": 1000,
    "input_limit": 1000,
    "connect_limit": 5,
    "preamble": "none",
    "transcript": "none",
}


def verb_form(**fields: Any) -> dict[str, Any]:
    form = {"name": "greet", "mode": "one-shot", "kind": "program", "argv": '["/bin/echo", "{*}"]', "enabled": "on"}
    return form | LIMITS | formset("signatures") | fields


def formset(prefix: str, total: int = 0, initial: int = 0) -> dict[str, Any]:
    return {f"{prefix}-TOTAL_FORMS": total, f"{prefix}-INITIAL_FORMS": initial}


def parameter(prefix: str, **fields: Any) -> dict[str, Any]:
    values = {"name": "word", "type": "text", "detail": "", "max_count": 16, "max_length": 1024, "position": 0} | fields
    return {f"{prefix}-{name}": value for name, value in values.items()}


def usages(verb: Verb) -> list[str]:
    return [str(signature) for signature in verb.signatures.all()]


def test_verb_is_added_with_signatures_and_parameters_at_once(admin_client: Client):
    form = verb_form(
        **formset("signatures", 2),
        **formset("signatures-0-parameters", 2),
        **parameter("signatures-0-parameters-0", name="action", type="word", detail="hello"),
        **parameter("signatures-0-parameters-1", name="name"),
        **formset("signatures-1-parameters"),
        **{"signatures-0-position": 0, "signatures-1-position": 0},
    )
    assert admin_client.post(ADD, form).status_code == 302
    verb = Verb.objects.get(name="greet")
    assert verb.argv == ["/bin/echo", "{*}"]
    assert verb.environment == {}
    assert usages(verb) == ["hello NAME", "(no arguments)"]


def test_parameter_added_later_comes_last(admin_client: Client):
    verb = make_verb(
        "greet", (Parameter(name="action", type="word", detail="hello"), Parameter(name="who", type="text"))
    )
    signature = verb.signatures.get()
    old = list(signature.parameters.all())
    prefix = "signatures-0-parameters"
    form = verb_form(
        **formset("signatures", 1, 1),
        **{"signatures-0-id": signature.pk, "signatures-0-verb": verb.pk, "signatures-0-position": 0},
        **formset(prefix, 3, 2),
        **parameter(f"{prefix}-0", id=old[0].pk, name="action", type="word", detail="hello", position=0),
        **parameter(f"{prefix}-1", id=old[1].pk, name="who", position=1),
        **parameter(f"{prefix}-2", name="tone", type="choice", detail="loud low"),
    )
    assert admin_client.post(f"/admin/commands/verb/{verb.pk}/change/", form).status_code == 302
    assert usages(verb) == ["hello WHO (loud|low)"]


def test_signatures_follow_the_order_they_were_dragged_to(admin_client: Client):
    verb = make_verb("greet", (Parameter(name="one", type="text"),), ())
    first, second = verb.signatures.all()
    one = first.parameters.get()
    form = verb_form(
        **formset("signatures", 2, 2),
        **{"signatures-0-id": first.pk, "signatures-0-verb": verb.pk, "signatures-0-position": 1},
        **{"signatures-1-id": second.pk, "signatures-1-verb": verb.pk, "signatures-1-position": 0},
        **formset("signatures-0-parameters", 1, 1),
        **parameter("signatures-0-parameters-0", id=one.pk, name="one"),
        **formset("signatures-1-parameters"),
    )
    assert admin_client.post(f"/admin/commands/verb/{verb.pk}/change/", form).status_code == 302
    assert usages(verb) == ["(no arguments)", "ONE"]


@pytest.mark.parametrize(
    ("type", "detail", "error"),
    [
        ("word", "", "Give the word"),
        ("word", "-n", "the rule for a leading"),
        ("choice", " ", "Give the words"),
        ("integer", "one two", "the least and the greatest number"),
        ("pattern", "[a-", "no regular expression"),
    ],
)
def test_parameter_that_could_match_nothing_is_refused(admin_client: Client, type: str, detail: str, error: str):
    form = verb_form(
        **formset("signatures", 1),
        **formset("signatures-0-parameters", 1),
        **parameter("signatures-0-parameters-0", type=type, detail=detail),
    )
    response = admin_client.post(ADD, form)
    assert response.status_code == 200
    assert error in response.content.decode()
    assert not Verb.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("argv", '["/bin/echo"', "Not JSON at line 1, column 13"),
        ("argv", "['/bin/echo']", "Strings take double quotes"),
        ("argv", '"/bin/echo"', "Give a JSON list of strings"),
        ("argv", '["echo"]', "must be absolute"),
        ("argv", "null", "A program needs this"),
        ("environment", '{"A": 1}', "Give a JSON object of strings"),
        ("environment", '{"LD_PRELOAD": "x"}', "LD_PRELOAD can&#x27;t be set here"),
        ("name", "Greet", "lower-case letters"),
    ],
)
def test_bad_field_gets_a_readable_error(admin_client: Client, field: str, value: str, error: str):
    page = admin_client.post(ADD, verb_form(**{field: value})).content.decode()
    assert error in page
    assert not Verb.objects.exists()


@pytest.mark.parametrize("text", ["", "null", "{}"])
def test_environment_left_empty_is_no_variables(admin_client: Client, text: str):
    assert admin_client.post(ADD, verb_form(environment=text)).status_code == 302
    assert Verb.objects.get().environment == {}


def test_list_shows_usage(admin_client: Client, rows: dict[str, Any]):
    assert "add ADDRESS | list" in admin_client.get("/admin/commands/verb/").content.decode()


@pytest.mark.parametrize(
    ("query", "name"), [("mode__exact=interactive", "calendar"), ("enabled__exact=0", "old"), ("q=black", "blacklist")]
)
def test_filters_and_search(admin_client: Client, query: str, name: str):
    make_verb("calendar", mode="interactive")
    make_verb("old", enabled=False)
    make_verb("blacklist")
    for query, names in [
        ("mode__exact=interactive", ["calendar"]),
        ("enabled__exact=0", ["old"]),
        ("q=black", ["blacklist"]),
    ]:
        found = admin_client.get(f"/admin/commands/verb/?{query}").context["cl"].result_list
        assert [verb.name for verb in found] == names


def test_list_takes_no_more_queries_for_more_verbs(admin_client: Client):
    make_verb("verb", (Parameter(name="one", type="text"),))
    with CaptureQueriesContext(connection) as for_one:
        admin_client.get("/admin/commands/verb/")
    for number in range(20):
        make_verb(f"verb{number}", (Parameter(name="one", type="text"),))
    with CaptureQueriesContext(connection) as for_many:
        admin_client.get("/admin/commands/verb/")
    assert len(for_many) == len(for_one)


def test_page_of_a_verb_shows_the_rules_that_concern_it(admin_client: Client, rows: dict[str, Any]):
    other = make_verb("other")
    Rule.objects.create(everyone=True, verb=other, reason="a rule for another")
    verb = rows["commands/verb"]
    page = admin_client.get(f"/admin/commands/verb/{verb.pk}/change/").content.decode()
    assert "Who may run it" in page
    assert f"/admin/commands/rule/{rows['commands/rule'].pk}/change/" in page
    assert "group staff" in page  # by its rule for all verbs
    assert f"/admin/commands/rule/add/?verb={verb.pk}" in page
    assert "a rule for another" not in page


def test_page_of_a_verb_keeps_rules_from_who_may_not_view_them(client: Client, rows: dict[str, Any]):
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_verb"))
    client.force_login(clerk)
    response = client.get(f"/admin/commands/verb/{rows['commands/verb'].pk}/change/")
    assert response.status_code == 200
    assert "Who may run it" not in response.content.decode()


KINDS = {
    "program": {"kind": "program", "argv": '["/bin/echo"]'},
    "socket": {"kind": "socket", "argv": "", "address": "tls://localhost:465", "preamble": "xclient"},
    "plugin": {"kind": "plugin", "argv": "", "plugin": "passwd"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_verb_of_each_kind_is_added(admin_client: Client, kind: str):
    assert admin_client.post(ADD, verb_form(**KINDS[kind])).status_code == 302
    verb = Verb.objects.get(kind=kind)
    verb.full_clean()
    assert admin_client.get(f"/admin/commands/verb/{verb.pk}/change/").status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_fields_of_other_kinds_are_emptied(admin_client: Client, kind: str):
    everything = {name: value for fields in KINDS.values() for name, value in fields.items() if value}
    form = verb_form(**(everything | {"argv": "no JSON", "environment": '{"A": "b"}'} | KINDS[kind]))
    assert admin_client.post(ADD, form).status_code == 302
    verb = Verb.objects.get(kind=kind)
    verb.full_clean()


@pytest.mark.parametrize(("kind", "missing"), [("program", "argv"), ("socket", "address"), ("plugin", "plugin")])
def test_kind_without_what_it_needs_is_refused(admin_client: Client, kind: str, missing: str):
    response = admin_client.post(ADD, verb_form(**(KINDS[kind] | {missing: ""})))
    assert response.context["adminform"].form.errors == {missing: [f"A {kind} needs this."]}


def test_page_shows_the_fields_of_the_chosen_kind_alone(admin_client: Client):
    page = admin_client.get(ADD).content.decode()
    for name, kind in (("argv", "program"), ("address", "socket"), ("preamble", "socket"), ("plugin", "plugin")):
        assert f"""x-show="kind == &#x27;{kind}&#x27;""" in page or f"""x-show="kind == '{kind}'""" in page, name


@pytest.mark.parametrize(
    ("argv", "parameters", "error"),
    [
        ('["/bin/echo", "{old}"]', [{"name": "old", "type": "secret"}], "would show a secret"),
        ('["/bin/echo", "{*}"]', [{"name": "old", "type": "secret"}], "would show a secret"),
        ('["/bin/echo", "{adress}"]', [{"name": "address", "type": "email"}], "the name of no parameter"),
        ('["/bin/echo"]', [{"name": "a", "repeat": "on"}, {"name": "b"}], "Only the last parameter"),
        ('["/bin/echo"]', [{"name": "a", "type": "uids", "repeat": "on"}], "be repeated"),
    ],
)
def test_signature_that_does_not_go_with_what_runs_is_refused(
    admin_client: Client, argv: str, parameters: list[dict[str, str]], error: str
):
    prefix = "signatures-0-parameters"
    form = verb_form(argv=argv, **formset("signatures", 1), **formset(prefix, len(parameters)))
    for number, fields in enumerate(parameters):
        form |= parameter(f"{prefix}-{number}", **fields)
    response = admin_client.post(ADD, form)
    assert response.status_code == 200
    assert error in response.content.decode()
    assert not Verb.objects.exists()


def test_parameter_and_its_place_in_argv_are_added_at_once(admin_client: Client):
    verb = make_verb("greet", (Parameter(name="old", type="text"),), argv=["/bin/echo", "{old}"])
    signature = verb.signatures.get()
    form = verb_form(
        argv='["/bin/echo", "{new}"]',
        **formset("signatures", 1, 1),
        **{"signatures-0-id": signature.pk, "signatures-0-verb": verb.pk, "signatures-0-position": 0},
        **formset("signatures-0-parameters", 2, 1),
        **parameter("signatures-0-parameters-0", id=signature.parameters.get().pk, name="old"),
        **parameter("signatures-0-parameters-1", name="new"),
        **{"signatures-0-parameters-0-DELETE": "on"},
    )
    assert admin_client.post(f"/admin/commands/verb/{verb.pk}/change/", form).status_code == 302
    verb.refresh_from_db()
    assert verb.argv == ["/bin/echo", "{new}"]
    assert usages(verb) == ["NEW"]


def test_placeholder_whose_parameter_is_deleted_is_refused(admin_client: Client):
    verb = make_verb("greet", (Parameter(name="old", type="text"),), argv=["/bin/echo", "{old}"])
    signature = verb.signatures.get()
    form = verb_form(
        argv='["/bin/echo", "{old}"]',
        **formset("signatures", 1, 1),
        **{"signatures-0-id": signature.pk, "signatures-0-verb": verb.pk, "signatures-0-DELETE": "on"},
        **formset("signatures-0-parameters", 1, 1),
        **parameter("signatures-0-parameters-0", id=signature.parameters.get().pk, name="old"),
    )
    page = admin_client.post(f"/admin/commands/verb/{verb.pk}/change/", form).content.decode()
    assert "the name of no parameter" in page
