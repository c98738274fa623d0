from typing import Any

import pytest
from django.test import Client

from commands.models import Rule

ADD = "/admin/commands/rule/add/"


def test_rule_is_added(admin_client: Client, rows: dict[str, Any]):
    form = {"effect": "deny", "group": rows["auth/group"].pk, "verb": rows["commands/verb"].pk, "enabled": "on"}
    assert admin_client.post(ADD, form).status_code == 302
    assert str(Rule.objects.last()) == "deny group staff: blacklist"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"everyone": "on", "user": "auth/user", "all_verbs": "on"}, "Name one of: a user, a group, everyone."),
        ({"all_verbs": "on"}, "Name one of: a user, a group, everyone."),
        ({"everyone": "on"}, "Name one of: a verb, all verbs."),
        ({"everyone": "on", "verb": "commands/verb", "all_verbs": "on"}, "Name one of: a verb, all verbs."),
    ],
)
def test_rule_that_is_not_one_subject_and_one_verb_gets_a_readable_error(
    admin_client: Client, rows: dict[str, Any], form: dict[str, str], error: str
):
    before = Rule.objects.count()
    values = {name: rows[value].pk if value in rows else value for name, value in form.items()}
    response = admin_client.post(ADD, {"effect": "allow", **values})
    assert response.status_code == 200
    assert error in response.content.decode()
    assert Rule.objects.count() == before


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        ("effect__exact=deny", ["deny group staff: all verbs", "deny everyone: blacklist"]),
        ("user__id__exact={auth/user}", ["allow user demo: blacklist"]),
        ("group__id__exact={auth/group}", ["deny group staff: all verbs"]),
        ("verb__id__exact={commands/verb}", ["allow user demo: blacklist", "deny everyone: blacklist"]),
        ("q=staff", ["deny group staff: all verbs"]),
    ],
)
def test_filters_and_search(admin_client: Client, rows: dict[str, Any], query: str, rules: list[str]):
    for model, row in rows.items():
        query = query.replace("{" + model + "}", str(row.pk))
    found = admin_client.get(f"/admin/commands/rule/?{query}").context["cl"].result_list
    assert sorted(map(str, found)) == sorted(rules)


def test_list_names_the_three_kinds_of_subject(admin_client: Client, rows: dict[str, Any]):
    page = admin_client.get("/admin/commands/rule/").content.decode()
    for text in ("user demo", "group staff", "everyone", "all verbs"):
        assert text in page


@pytest.mark.parametrize(("model", "field"), [("rule", "user"), ("rule", "group"), ("rule", "verb")])
def test_fields_complete_what_is_typed(admin_client: Client, rows: dict[str, Any], model: str, field: str):
    query = {"app_label": "commands", "model_name": model, "field_name": field, "term": ""}
    assert len(admin_client.get("/admin/autocomplete/", query).json()["results"]) >= 1
