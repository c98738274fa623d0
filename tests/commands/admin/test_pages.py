"""Every page opens, for whom it is, and says what an empty list means."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from commands.models import Lock, Parameter, Rule, Tag
from tests.commands.admin.conftest import make_event, make_execution, make_verb

WRITABLE = ["commands/verb", "commands/actionverb", "commands/rule", "auth/user", "auth/group"]
RECORD = ["commands/execution", "commands/auditevent"]

EMPTY = {
    "commands/verb": "there is nothing that anybody could run",
    "commands/actionverb": "clients write EXECUTE before each verb",
    "commands/rule": "nobody may run anything",
    "commands/execution": "no verb has been run",
    "commands/auditevent": "nothing was run or refused",
    "auth/group": "A group lets one rule speak for many users",
}


@pytest.fixture
def clerk_client(db: None) -> Client:
    """Somebody who may see audit events, and nothing else."""
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_auditevent"))
    client = Client()
    client.force_login(clerk)
    return client


@pytest.mark.parametrize("page", ["", "commands/", "auth/", "password_change/", *(f"{m}/" for m in WRITABLE + RECORD)])
def test_page_opens_with_rows_and_without(admin_client: Client, page: str, request: pytest.FixtureRequest):
    assert admin_client.get(f"/admin/{page}").status_code == 200
    request.getfixturevalue("rows")
    assert admin_client.get(f"/admin/{page}").status_code == 200


@pytest.mark.parametrize("model", WRITABLE)
def test_form_opens_to_add_and_to_change(admin_client: Client, rows: dict[str, Any], model: str):
    for page in ("add", f"{rows[model].pk}/change", f"{rows[model].pk}/delete", f"{rows[model].pk}/history"):
        assert admin_client.get(f"/admin/{model}/{page}/").status_code == 200, page


@pytest.mark.parametrize("model", RECORD)
def test_record_opens_to_read(admin_client: Client, rows: dict[str, Any], model: str):
    assert admin_client.get(f"/admin/{model}/{rows[model].pk}/change/").status_code == 200


def test_password_form_opens(admin_client: Client, rows: dict[str, Any]):
    assert admin_client.get(f"/admin/auth/user/{rows['auth/user'].pk}/password/").status_code == 200


@pytest.mark.parametrize(("model", "text"), EMPTY.items())
def test_empty_list_says_what_it_means(admin_client: Client, model: str, text: str):
    assert text in admin_client.get(f"/admin/{model}/").content.decode()


def test_list_that_a_search_made_empty_says_so(admin_client: Client, rows: dict[str, Any]):
    page = admin_client.get("/admin/commands/rule/?q=nobody-of-that-name").content.decode()
    assert "Nothing matches" in page
    assert EMPTY["commands/rule"] not in page


def test_address_without_login_leads_to_the_login_page(client: Client, rows: dict[str, Any]):
    for model in WRITABLE + RECORD:
        response = client.get(f"/admin/{model}/")
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")
    assert client.get("/admin/login/").status_code == 200


def test_sidebar_shows_what_one_may_view(clerk_client: Client, rows: dict[str, Any]):
    page = clerk_client.get("/admin/").content.decode()
    assert 'href="/admin/commands/auditevent/"' in page
    assert 'href="/admin/commands/verb/"' not in page
    assert clerk_client.get("/admin/commands/verb/").status_code == 403


def test_overview_shows_only_what_one_may_view(admin_client: Client, clerk_client: Client, rows: dict[str, Any]):
    page = admin_client.get("/admin/").content.decode()
    assert "Last executions" in page
    assert "Last refusals" in page
    page = clerk_client.get("/admin/").content.decode()
    assert "Last executions" not in page
    assert "Last refusals" in page


def test_sidebar_has_its_pages_in_order_and_marks_one(admin_client: Client, rows: dict[str, Any]):
    titles = ["Verbs", "Action verbs", "Tags", "Rules", "Explain", "Locks", "Map file"]
    for page, title in (
        ("verb/", "Verbs"),
        ("verb/map/", "Map file"),
        ("rule/", "Rules"),
        ("rule/explain/user/", "Explain"),
    ):
        context = admin_client.get(f"/admin/commands/{page}").context
        groups = {group["title"]: group["items"] for group in context["sidebar_navigation"]}
        assert [str(item["title"]) for item in groups["Map"]] == titles
        assert [str(item["title"]) for items in groups.values() for item in items if item["active"]] == [title]


def test_map_file_stands_in_the_sidebar_of_those_alone_who_may_read_it(clerk_client: Client):
    assert "/admin/commands/verb/map/" not in clerk_client.get("/admin/").content.decode()


def test_name_of_a_thing_keeps_its_case(admin_client: Client, rows: dict[str, Any]):
    page = admin_client.get(f"/admin/auth/user/{rows['auth/user'].pk}/change/").content.decode()
    heading = page.partition("<h1")[2].partition("</h1>")[0]
    assert "demo" in heading
    assert "Demo" not in heading


HUGE = "9" * 30


@pytest.mark.parametrize(
    "query",
    [
        f"rule/?user={HUGE}",
        f"rule/?verb=-{HUGE}",
        f"verb/?tags={HUGE}",
        f"auditevent/?before=1.{HUGE}",
        "auditevent/?user=%00",
        "auditevent/?at_from=0001-01-01",
        "execution/?started_to=9999-12-31",
    ],
)
def test_filter_that_no_column_can_hold_is_no_fault_of_the_server(admin_client: Client, settings: Any, query: str):
    settings.TIME_ZONE = "Europe/Berlin"
    assert admin_client.get(f"/admin/commands/{query}", follow=True).status_code == 200


def test_list_that_is_not_filtered_speaks_of_no_results(admin_client: Client, rows: dict[str, Any]):
    assert "Show all" not in admin_client.get("/admin/commands/rule/").content.decode()
    assert "Show all" in admin_client.get("/admin/commands/rule/?q=demo").content.decode()


@pytest.mark.parametrize("model", ["verb", "rule", "lock", "auditevent", "execution"])
def test_list_takes_as_many_queries_for_many_rows_as_for_few(
    admin_client: Client, rows: dict[str, Any], django_assert_max_num_queries: Any, model: str
):
    for number in range(20):
        verb = make_verb(f"verb{number}", (Parameter(name="address", type="email"),))
        verb.tags.add(Tag.objects.create(name=f"tag{number}"))
        Rule.objects.create(user=rows["auth/user"], verb=verb)
        Lock.objects.create(verb=verb, reason="broken")
        make_event()
        make_execution(verb=verb.name)
    with django_assert_max_num_queries(15):
        assert admin_client.get(f"/admin/commands/{model}/").status_code == 200
