from typing import Any

import pytest
from django.test import Client

from commands.models import Rule, Tag

ADD = "/admin/commands/rule/add/"
ONE_SUBJECT = "Name one of: a user, a group, a mail domain, everyone."
ONE_THING = "Name one of: a verb, a tag, all verbs."
EVERYONE = {"effect": "allow", "everyone": "on", "all_verbs": "on", "enabled": "on", "reason": "for all"}


def test_rule_is_added(admin_client: Client, rows: dict[str, Any]):
    form = {"effect": "deny", "group": rows["auth/group"].pk, "verb": rows["commands/verb"].pk, "enabled": "on"}
    assert admin_client.post(ADD, form | {"reason": "spam"}).status_code == 302
    assert str(Rule.objects.last()) == "deny group staff: blacklist"


def test_rule_needs_a_reason(admin_client: Client, rows: dict[str, Any]):
    response = admin_client.post(ADD, EVERYONE | {"reason": " "})
    assert response.status_code == 200
    assert "reason" in response.context["adminform"].form.errors


def test_conditions_are_kept_in_their_own_form(admin_client: Client, rows: dict[str, Any]):
    form = EVERYONE | {
        "arguments": '{"address": ".*@example\\\\.org"}',
        "networks": "192.0.2.9/24, 2001:DB8::1",
        "tls": "yes",
        "weekdays": "Mon-Fri",
        "hours_from": "08:00",
        "hours_until": "18:00",
        "valid_until_0": "2030-01-01",
        "valid_until_1": "00:00",
    }
    assert admin_client.post(ADD, form).status_code == 302
    rule = Rule.objects.last()
    assert rule is not None and str(rule) == (
        "allow everyone: all verbs (address like .*@example\\.org, from 192.0.2.0/24 2001:db8::1, by TLS alone, "
        "mon-fri 08:00-18:00, until 2030-01-01 00:00)"
    )
    page = admin_client.get(f"/admin/commands/rule/{rule.pk}/change/").content.decode()
    assert "192.0.2.0/24 2001:db8::1" in page and "mon tue wed thu fri" in page


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"networks": "10.0.0.0/8 nowhere"}, {"networks"}),
        ({"weekdays": "mon someday"}, {"weekdays"}),
        ({"hours_from": "08:00"}, {"hours_until"}),
        ({"arguments": "{"}, {"arguments"}),
        ({"arguments": "[]"}, {"arguments"}),
        ({"arguments": '{"to": "("}'}, {"arguments"}),
        ({"mailbox": "("}, {"mailbox"}),
        ({"effect": "limit"}, {"at_once"}),
        ({"effect": "limit", "per_day": "0"}, {"per_day"}),
    ],
)
def test_error_stands_beside_the_field_that_it_is_about(admin_client: Client, fields: dict[str, str], wrong: set[str]):
    response = admin_client.post(ADD, EVERYONE | fields)
    assert response.status_code == 200
    assert wrong <= set(response.context["adminform"].form.errors)
    assert Rule.objects.count() == 0


def test_numbers_are_kept_for_a_limit_alone(admin_client: Client):
    numbers = {"at_once": "2", "per_minute": "10", "counted": "verb"}
    assert admin_client.post(ADD, EVERYONE | numbers).status_code == 302
    assert admin_client.post(ADD, EVERYONE | numbers | {"effect": "limit"}).status_code == 302
    assert [str(rule) for rule in Rule.objects.all()] == [
        "allow everyone: all verbs",
        "limit everyone: all verbs (2 at once, 10 a minute of each verb)",
    ]


def test_list_takes_as_many_queries_for_many_rules_as_for_few(
    admin_client: Client, rows: dict[str, Any], django_assert_max_num_queries: Any
):
    tag = Tag.objects.create(name="lists")
    Rule.objects.bulk_create(Rule(user=rows["auth/user"], tag=tag, reason="x") for _ in range(200))
    with django_assert_max_num_queries(8):
        page = admin_client.get("/admin/commands/rule/").content.decode()
    assert "tag lists" in page


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (
            {"everyone": "on", "user": "auth/user", "all_verbs": "on"},
            ONE_SUBJECT,
        ),
        ({"all_verbs": "on"}, ONE_SUBJECT),
        ({"everyone": "on"}, ONE_THING),
        ({"everyone": "on", "verb": "commands/verb", "all_verbs": "on"}, ONE_THING),
    ],
)
def test_rule_that_is_not_one_subject_and_one_verb_gets_a_readable_error(
    admin_client: Client, rows: dict[str, Any], form: dict[str, str], error: str
):
    before = Rule.objects.count()
    values = {name: rows[value].pk if value in rows else value for name, value in form.items()}
    response = admin_client.post(ADD, {"effect": "allow", "reason": "x", **values})
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
        ("domain=@Example.ORG", ["allow domain example.org: verbs tagged lists"]),
        ("tag__id__exact={tag}", ["allow domain example.org: verbs tagged lists"]),
    ],
)
def test_filters_and_search(admin_client: Client, rows: dict[str, Any], query: str, rules: list[str]):
    rows["tag"] = Tag.objects.create(name="lists")
    Rule.objects.create(domain="example.org", tag=rows["tag"], reason="x")
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
