"""Who may open each address that there is, by a table. One that is not in it fails: a new one is thought of."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from commands import roles
from commands.models import Execution, Lock, Tag, TranscriptChunk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.history]

# a: nobody has logged in, u: a user of mail, s: staff without any right, the roles by their initials, S: a superuser.
ACTORS = "ausAODRVS"
ROLES = {"A": "Auditors", "O": "Operators", "D": "Displays", "R": "Rule editors", "V": "Verb editors"}
STAFF, MAP, NOBODY = "sAODRVS", "AORVS", ""
USERS = "u" + STAFF


class Who(NamedTuple):
    """`view`: who is answered by GET; `post`: by POST, None where that is no other question."""

    view: str
    post: str | None = None


def _model(name: str, view: str, *, add: str = NOBODY, change: str = NOBODY, delete: str = NOBODY) -> dict[str, Who]:
    """The stock pages of a model."""
    page = f"admin/{name}/"
    return {
        page: Who(view),
        f"{page}add/": Who(add, add),
        f"{page}<path:object_id>/history/": Who(view),
        f"{page}<path:object_id>/delete/": Who(delete, delete),
        f"{page}<path:object_id>/change/": Who(view, change),
        f"{page}<path:object_id>/": Who(STAFF),  # leads to the page above
    }


def _history(name: str, revert: str) -> dict[str, Who]:
    page = f"admin/commands/{name}/"
    return {f"{page}changes/": Who(MAP), f"{page}<path:object_id>/revert/<int:version>/": Who(NOBODY, revert)}


REPLAY = "admin/commands/execution/<uuid:execution_id>/replay/"
ADDRESSES = {
    "": Who(ACTORS),  # leads to the overview
    "health": Who(ACTORS),  # by address: see tests/imapserver/test_monitoring.py
    "metrics": Who(ACTORS),
    "me/": Who(USERS),  # each about the one who asks: see tests/commands/web/own
    "me/history/": Who(USERS),
    "me/refused/": Who(USERS),
    "me/logins/": Who(USERS),
    "me/end/<uuid:key>/": Who(NOBODY, NOBODY),  # it is another's
    "me/end/all/": Who(NOBODY, USERS),
    "me/disconnect/<uuid:key>/": Who(NOBODY, USERS),  # leads back: it may have gone
    "me/lock/": Who(NOBODY, USERS),
    "me/lift/<int:key>/": Who(NOBODY, NOBODY),
    "security/": Who(USERS),
    "security/set-up/": Who(USERS, USERS),
    "security/recovery-codes/": Who(NOBODY, USERS),
    "security/remove/": Who(USERS, USERS),
    "me/login/": Who(ACTORS),
    "me/logout/": Who(NOBODY),
    "admin/": Who(STAFF),
    "admin/login/": Who(ACTORS),
    "admin/logout/": Who("u"),  # leads to the login page; for staff by POST alone
    "admin/password_change/": Who(STAFF),
    "admin/password_change/done/": Who(STAFF),
    "admin/jsi18n/": Who(STAFF),
    "admin/search/": Who(STAFF),  # among the pages that one may open
    "admin/autocomplete/": Who(MAP),
    "admin/r/<path:content_type_id>/<path:object_id>/": Who(NOBODY),  # nothing has a page beside the admin's
    r"admin/^(?P<app_label>commands|auth)/$": Who("AODRVS"),
    "admin/(?P<url>.*)$": Who(NOBODY),  # what is not there
    **_model("auth/user", MAP, add="S", change="S", delete="S"),
    "admin/auth/user/<id>/password/": Who("S", "S"),
    "admin/auth/user/<path:object_id>/second-factor/": Who("S", "S"),
    **_model("auth/group", MAP, add="S", change="S", delete="S"),
    **_model("commands/verb", MAP, add="VS", change="VS", delete="VS"),
    **_history("verb", "VS"),
    "admin/commands/verb/map/": Who("S", "S"),  # no role may change verbs and rules both
    "admin/commands/verb/map/download/": Who("S"),
    "admin/commands/verb/argv/": Who(NOBODY, "VS"),
    "admin/commands/verb/console/": Who(STAFF),  # each runs what the rules allow them
    "admin/commands/verb/<int:pk>/try/": Who("VS"),
    **_model("commands/actionverb", MAP, add="VS", change="VS", delete="VS"),
    **_model("commands/tag", MAP, add="RVS", change="RVS", delete="RVS"),
    **_model("commands/rule", MAP, add="RS", change="RS", delete="RS"),
    **_history("rule", "RS"),
    "admin/commands/rule/explain/": Who(MAP),
    "admin/commands/rule/explain/user/": Who(MAP),
    "admin/commands/rule/explain/verb/": Who(MAP),
    "admin/commands/rule/explain/table/": Who(MAP),
    **_model("commands/lock", MAP, add="OS", delete="OS"),  # a lock is lifted, never changed
    **_history("lock", NOBODY),
    "admin/commands/lock/now/": Who(NOBODY, "OS"),
    "admin/commands/lock/<int:pk>/lift/": Who(NOBODY, "OS"),
    "admin/commands/connection/": Who("AODS"),  # the live page
    "admin/commands/connection/end/": Who("OS", "OS"),
    **_model("commands/execution", "AODS"),
    "admin/commands/execution/<uuid:execution_id>/watch/": Who("AS"),
    REPLAY: Who("AS"),
    f"{REPLAY}data/": Who(NOBODY),  # without the token that the page has
    f"{REPLAY}search/": Who(NOBODY),
    f"{REPLAY}download/<str:form>/": Who("AS"),
    **_model("commands/auditevent", "AS"),
    "admin/commands/auditevent/export/<str:form>/": Who("AS"),
}

NOT_FOUND = ("admin/r/", "admin/^", "admin/(")
"""What starts so is not there for who may not open it."""


def walk(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for each in resolver.url_patterns:
        route = f"{prefix}{each.pattern}"
        if isinstance(each, URLPattern):
            yield route
        else:
            yield from walk(each, route)


@pytest.fixture
def addresses(rows: dict[str, Any]) -> dict[str, str]:
    """Each route with rows of ours in it."""
    rows["commands/lock"] = Lock.objects.create(user=rows["auth/user"], reason="lost phone", made_by="admin")
    rows["commands/tag"] = Tag.objects.create(name="lists")
    execution: Execution = rows["commands/execution"]
    Execution.objects.filter(pk=execution.pk).update(transcript="full")
    TranscriptChunk.objects.create(
        execution_id=execution.pk, sequence=1, offset=0, stream="o", size=1, data=b"x", at=execution.started
    )
    rows["commands/rule"].save()  # a second version
    rows["commands/verb"].save()
    return {route: "/" + _filled(route, rows) for route in ADDRESSES}


def _filled(route: str, rows: dict[str, Any]) -> str:
    model = next((name for name in rows if route.startswith(f"admin/{name}/")), "auth/user")
    row = rows[model]
    if "<int:version>" in route:
        route = route.replace("<int:version>", str(row.history.earliest().history_id))
    values = {
        "<path:content_type_id>": "1",
        "<path:object_id>": str(row.pk),
        "<id>": str(row.pk),
        "<int:pk>": str(row.pk),
        "<uuid:execution_id>": str(rows["commands/execution"].pk),
        "<uuid:key>": str(rows["commands/execution"].pk),
        "<int:key>": str(rows["commands/lock"].pk),
        "<str:form>": "jsonl" if model == "commands/auditevent" else "output",
        r"^(?P<app_label>commands|auth)/$": "commands/",
        "(?P<url>.*)$": "nothing/of/this/name/",
    }
    for written, value in values.items():
        route = route.replace(written, value)
    return route + "?app_label=commands&model_name=rule&field_name=user" * (route == "admin/autocomplete/")


def client_of(actor: str, *, checks_csrf: bool = False) -> Client:
    client = Client(enforce_csrf_checks=checks_csrf)
    if actor == "a":
        return client
    user = User.objects.create_user(f"user{actor}", is_staff=actor != "u", is_superuser=actor == "S")
    if actor in ROLES:
        roles.make()
        user.groups.add(Group.objects.get(name=ROLES[actor]))
    client.force_login(user)
    return client


def is_answered(response: Any) -> bool:
    leads_to_login = response.status_code == 302 and response["Location"].startswith(("/admin/login/", "/me/login/"))
    return response.status_code < 400 and not leads_to_login


def test_table_has_every_address_and_no_other() -> None:
    assert sorted(set(walk(get_resolver()))) == sorted(ADDRESSES)


@pytest.mark.parametrize("actor", ACTORS)
def test_address_is_open_to_those_of_the_table_alone(addresses: dict[str, str], actor: str) -> None:
    client, wrong = client_of(actor), []
    for route, who in ADDRESSES.items():
        response = client.get(addresses[route])
        if is_answered(response) != (actor in who.view):
            wrong.append((route, response.status_code))
        elif not is_answered(response) and actor in STAFF and not route.startswith(NOT_FOUND):
            assert response.status_code in (403, 405), route
    assert wrong == []


@pytest.mark.parametrize("actor", ACTORS)
def test_only_those_of_the_table_change_something(addresses: dict[str, str], actor: str) -> None:
    client, wrong = client_of(actor), []
    routes = {route: who.post for route, who in ADDRESSES.items() if who.post is not None}
    for route, post in routes.items():
        response = client.post(addresses[route])
        if is_answered(response) != (actor in post):
            wrong.append((route, response.status_code))
    assert wrong == []


def test_nothing_is_changed_without_the_token_against_forged_requests(addresses: dict[str, str]) -> None:
    client = client_of("S", checks_csrf=True)
    for route, who in ADDRESSES.items():
        if who.post is not None:
            assert client.post(addresses[route], {"do": "load"}).status_code == 403, route
    assert Lock.objects.count() == 1


def test_search_of_all_pages_finds_none_for_who_may_open_none(addresses: dict[str, str]) -> None:
    assert "/admin/commands/" in client_of("S").get("/admin/search/?s=verb").content.decode()
    assert "/admin/commands/" not in client_of("s").get("/admin/search/?s=verb").content.decode()
