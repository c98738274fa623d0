"""What runs, and who may, is changed by somebody who has lately shown who they are; what they sent is not lost."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from commands.models import AuditEvent, Verb
from commands.web.identity import CONFIRMED
from commands.web.secondfactor import codes
from tests.commands.web.test_secondfactor import code, give

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.history]

PASSWORD = "secret words"
MAP = 'version = 1\n[[verb]]\nname = "echo"\nargv = ["/bin/echo"]\n'
ASKED = "Confirm that it is you"


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("admin", password=PASSWORD)


@pytest.fixture
def client(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    leave(client)
    return client


def leave(client: Client) -> None:
    """The login is some time ago."""
    session = client.session
    session[CONFIRMED] -= 3600
    session.save()


def fields(page: str) -> list[tuple[str, str]]:
    """What the page that asks carries."""
    form = page[page.index("<form") :]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
    return [(unescape(name), unescape(value)) for name, value in found if name != "csrfmiddlewaretoken"]


def confirm(client: Client, address: str, page: str, password: str = PASSWORD, code: str = "") -> Any:
    form: dict[str, Any] = {}
    for name, value in fields(page):
        form.setdefault(name, []).append(value)
    return client.post(address, form | {"_confirm_user": "admin", "_confirm_password": password, "_confirm_code": code})


def test_forms_ask_before_they_are_filled_in(client: Client, rows: dict[str, Any]) -> None:
    for address in (
        "commands/verb/add/",
        f"commands/verb/{rows['commands/verb'].pk}/change/",
        f"commands/verb/{rows['commands/verb'].pk}/delete/",
        "auth/user/add/",
        f"auth/user/{rows['auth/user'].pk}/change/",
        f"auth/user/{rows['auth/user'].pk}/password/",
        f"auth/group/{rows['auth/group'].pk}/change/",
    ):
        page = client.get(f"/admin/{address}").content.decode()
        assert ASKED in page, address
        response = confirm(client, f"/admin/{address}", page)
        assert response["Location"] == f"/admin/{address}"
        assert ASKED not in client.get(f"/admin/{address}").content.decode()
        leave(client)


@pytest.mark.parametrize(
    "made_up", [{}, {"_confirm_password": ""}, {"_confirm_then": "show"}, {"_confirm_user": "admin"}]
)
def test_nothing_is_changed_without(
    client: Client, rows: dict[str, Any], made_up: dict[str, str], settings: Any
) -> None:
    settings.AXES_FAILURE_LIMIT = 100
    verb, user, group = rows["commands/verb"], rows["auth/user"], rows["auth/group"]
    version = verb.history.earliest().history_id
    verb.description = "other"
    verb.save()
    before = Verb.objects.values().get(pk=verb.pk), User.objects.values().get(pk=user.pk)
    for address, form in (
        (f"commands/verb/{verb.pk}/change/", {"name": "other"}),
        (f"commands/verb/{verb.pk}/delete/", {"post": "yes"}),
        (f"commands/verb/{verb.pk}/revert/{version}/", {}),
        ("commands/verb/", {"action": "delete_selected", "_selected_action": verb.pk, "post": "yes"}),
        ("commands/verb/map/", {"do": "load", "text": MAP, "reason": "why"}),
        ("auth/user/add/", {"username": "joe", "password1": PASSWORD, "password2": PASSWORD}),
        (f"auth/user/{user.pk}/change/", {"username": "other"}),
        (f"auth/user/{user.pk}/password/", {"password1": PASSWORD, "password2": PASSWORD}),
        (f"auth/user/{user.pk}/delete/", {"post": "yes"}),
        (f"auth/group/{group.pk}/delete/", {"post": "yes"}),
        (f"auth/user/{user.pk}/second-factor/", {}),
    ):
        page = client.post(f"/admin/{address}", form | made_up).content.decode()
        assert ASKED in page, address
    assert (Verb.objects.values().get(pk=verb.pk), User.objects.values().get(pk=user.pk)) == before
    assert Group.objects.filter(pk=group.pk).exists()
    assert not User.objects.filter(username="joe").exists()
    assert not Verb.objects.filter(name="echo").exists()


def test_what_is_posted_too_late_is_carried_on_with_every_value(client: Client, rows: dict[str, Any]) -> None:
    permissions = [str(each.pk) for each in Permission.objects.filter(codename__in=["view_verb", "view_rule"])]
    address = "/admin/auth/group/add/"
    form = {"name": 'a "b" <c>&amp;', "permissions": permissions}
    page = client.post(address, form).content.decode()
    assert "Nothing of what you sent is lost" in page
    assert sorted(fields(page)) == sorted([("name", form["name"]), *(("permissions", each) for each in permissions)])
    page = confirm(client, address, page, "wrong").content.decode()
    assert "That was not right" in page
    assert not Group.objects.filter(name=form["name"]).exists()
    assert "_confirm" not in str([name for name, _ in fields(page)])
    assert confirm(client, address, page).status_code == 302
    group = Group.objects.get(name=form["name"])
    assert group.permissions.count() == 2


def test_verb_that_is_saved_too_late_is_saved(client: Client) -> None:
    address = "/admin/commands/verb/add/"
    session = client.session
    session[CONFIRMED] += 3600
    session.save()
    page = client.get(address)
    form = {name: "" if value is None else value for name, value in page.context["adminform"].form.initial.items()}
    form |= {each.name: each.initial for each in page.context["adminform"].form if each.initial not in (None, False)}
    form |= {"name": "greet", "argv": '["/bin/echo", "line\\none"]', "redactions": "[]"}
    for formset in page.context["inline_admin_formsets"]:
        form |= {f"{formset.formset.prefix}-{each}": 0 for each in ("TOTAL_FORMS", "INITIAL_FORMS")}
    form = {name: value for name, value in form.items() if value is not None and value is not False and value != []}
    leave(client)
    response = confirm(client, address, client.post(address, form).content.decode())
    assert response.status_code == 302, response.context["errors"]
    assert Verb.objects.get(name="greet").argv == ["/bin/echo", "line\none"]


def test_file_of_the_map_is_carried_as_its_text(client: Client) -> None:
    address = "/admin/commands/verb/map/"
    file = SimpleUploadedFile("map.toml", MAP.encode())
    page = client.post(address, {"do": "load", "text": "no TOML", "reason": "why", "file": file}).content.decode()
    assert confirm(client, address, page).status_code == 302
    assert Verb.objects.get().name == "echo"


def test_who_only_looks_is_not_asked(rows: dict[str, Any]) -> None:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    viewer = Client()
    viewer.force_login(user)
    leave(viewer)
    for model in ("commands/verb", "auth/user", "auth/group"):
        page = viewer.get(f"/admin/{model}/{rows[model].pk}/change/")
        assert page.status_code == 200
        assert ASKED not in page.content.decode()
        assert viewer.post(f"/admin/{model}/{rows[model].pk}/change/", {}).status_code == 403
        assert viewer.post(f"/admin/{model}/{rows[model].pk}/delete/", {}).status_code == 403


def test_wrong_password_counts_as_a_failed_login_and_right_one_is_on_record(client: Client, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    address = "/admin/commands/verb/add/"
    page = client.get(address).content.decode()
    confirm(client, address, page)
    leave(client)
    answers = [confirm(client, address, page, "wrong").status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert confirm(client, address, page).status_code == 429
    assert ASKED in client.get(address).content.decode()
    logins = AuditEvent.objects.filter(kind="login", actor="admin").order_by("pk")
    assert [(each.outcome, each.reason) for each in logins][:3] == [
        ("ok", "confirmed who it is"),
        ("failed", "wrong user name or password"),
        ("failed", "wrong user name or password"),
    ]


def test_form_is_not_kept_with_a_failed_login(client: Client) -> None:
    from axes.models import AccessAttempt

    page = client.post("/admin/auth/group/add/", {"name": "canary"}).content.decode()
    confirm(client, "/admin/auth/group/add/", page, "wrong canary")
    assert AccessAttempt.objects.count() == 1
    assert "canary" not in repr(AccessAttempt.objects.values_list())
    assert "canary" not in repr(AuditEvent.objects.values_list())


def test_who_has_a_second_factor_gives_a_code_too(admin: User) -> None:
    recovery = give(admin)
    client, address = Client(), "/admin/commands/verb/add/"
    client.post("/admin/login/", {"username": "admin", "password": PASSWORD, "code": recovery[0]})
    leave(client)
    page = client.get(address).content.decode()
    assert 'name="_confirm_code"' in page
    assert ASKED in confirm(client, address, page).content.decode()
    assert ASKED in confirm(client, address, page, code=recovery[0]).content.decode()  # used
    assert confirm(client, address, page, code=code(admin)).status_code == 302
    assert codes.recovery_codes_left(admin) == codes.RECOVERY_CODES - 1


def test_who_has_no_password_here_is_told_so(admin: User, client: Client) -> None:
    admin.set_unusable_password()
    admin.save()
    client.force_login(admin)
    leave(client)
    page = client.get("/admin/commands/verb/add/").content.decode()
    assert "you have none on this server" in page
    assert "_confirm_password" not in page


def test_address_with_a_page_behind_it_is_not_left(client: Client) -> None:
    address = "/admin/commands/verb/add/?_popup=1&name=%3Cb%3E"
    response = confirm(client, address, client.get(address).content.decode())
    assert response["Location"] == address


@pytest.mark.parametrize(("seconds", "asked"), [(0, True), (7200, False)])
def test_how_long_it_counts_is_a_setting(client: Client, settings: Any, seconds: int, asked: bool) -> None:
    settings.IMAPX = settings.IMAPX | {"CONFIRM_SECONDS": seconds}
    assert (ASKED in client.get("/admin/commands/verb/add/").content.decode()) == asked


def test_clock_that_was_set_back_makes_nothing_fresh(client: Client) -> None:
    session = client.session
    session[CONFIRMED] += 7200
    session.save()
    assert ASKED in client.get("/admin/commands/verb/add/").content.decode()
