"""Locks on the web pages: by who may, in one click, from the page of what is locked."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from commands.models import Lock

from .conftest import make_execution

pytestmark = pytest.mark.django_db(transaction=True)  # what changes is recorded by another connection

ADD = "/admin/commands/lock/add/"
LIST = "/admin/commands/lock/"
NOW = "/admin/commands/lock/now/"


def client_of(name: str, *permissions: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator(db: None) -> Client:
    """Somebody who may lock and unlock, and see users and verbs, and edit neither."""
    return client_of("operator", "add_lock", "delete_lock", "view_lock", "view_user", "view_verb")


@pytest.fixture
def viewer(db: None) -> Client:
    return client_of("viewer", "view_lock", "view_user", "view_verb")


def test_user_is_locked_and_unlocked_in_one_click_from_the_users_page(operator: Client, rows: dict[str, Any]):
    user = rows["auth/user"]
    address = f"/admin/auth/user/{user.pk}/change/"
    page = operator.get(address).content.decode()
    assert f'action="{NOW}"' in page
    response = operator.post(NOW, {"user": user.pk, "reason": "lost phone", "next": address}, follow=True)
    assert response.redirect_chain[0][0] == address
    lock = Lock.objects.get()
    assert (str(lock), lock.made_by) == ("user demo (lost phone)", "operator")
    page = response.content.decode()
    assert f"Lock {lock.pk} stands: user demo (lost phone)" in page
    lift = re.search(r'action="(/admin/commands/lock/\d+/lift/)"', page)
    assert lift
    page = operator.post(lift[1], {"next": address}, follow=True).content.decode()
    assert f"Lifted lock {lock.pk}: user demo (lost phone)." in page
    assert not Lock.objects.exists()


def test_reason_need_not_be_given_in_a_hurry(operator: Client, rows: dict[str, Any]):
    operator.post(NOW, {"everything": "True"})
    assert str(Lock.objects.get()) == "everything (locked by operator, in one click)"


def test_how_many_run_is_told(operator: Client, rows: dict[str, Any]):
    make_execution(user_id=rows["auth/user"].pk)
    page = operator.post(NOW, {"user": rows["auth/user"].pk}, follow=True).content.decode()
    assert "1 running, ended within a second" in page


@pytest.mark.parametrize(
    "form", [{}, {"user": "999"}, {"network": "here"}, {"everything": "on", "network": "192.0.2.7"}, {"user": "x"}]
)
def test_what_is_no_target_is_not_locked(operator: Client, rows: dict[str, Any], form: dict[str, str]):
    assert "Not locked: " in operator.post(NOW, form, follow=True).content.decode()
    assert not Lock.objects.exists()


def test_lock_is_made_by_the_form_too_and_never_changed(operator: Client, rows: dict[str, Any]):
    form = {"network": "192.0.2.9/24", "reason": "noise", "until_0": "2999-01-01", "until_1": "10:00"}
    assert operator.post(ADD, form).status_code == 302
    lock = Lock.objects.get()
    assert (str(lock), lock.made_by) == ("network 192.0.2.0/24 (noise)", "operator")
    address = f"{LIST}{lock.pk}/change/"
    assert operator.get(address).status_code == 200
    assert operator.post(address, form | {"reason": "other"}).status_code == 403


def test_form_is_filled_by_its_address(operator: Client, rows: dict[str, Any]):
    form = operator.get(f"{ADD}?user={rows['auth/user'].pk}").context["adminform"].form
    assert form.initial["user"] == str(rows["auth/user"].pk)


def test_lock_without_one_target_gets_a_readable_error(operator: Client, rows: dict[str, Any]):
    page = operator.post(ADD, {"reason": "noise"}).content.decode()
    assert "Name one of: a user, a verb, a network, everything." in page


def test_list_says_what_stands_and_unlocks(operator: Client, rows: dict[str, Any]):
    assert "Nothing is locked." in operator.get(LIST).content.decode()
    lock = Lock.objects.create(everything=True, reason="noise")
    Lock.objects.create(verb=rows["commands/verb"], reason="past", until="2001-01-01T00:00:00Z")
    Lock.objects.create(network="192.0.2.7", reason="<i>\u202e")
    page = operator.get(LIST).content.decode()
    assert "&lt;i&gt;\\u202e" in page
    assert "\u202e" not in page
    assert "stands" in page
    assert "is over" in page
    assert f'formaction="/admin/commands/lock/{lock.pk}/lift/"' in page


def test_who_may_not_lock_sees_no_button_and_is_refused(viewer: Client, rows: dict[str, Any]):
    lock = Lock.objects.create(user=rows["auth/user"], reason="noise")
    for address in (LIST, f"/admin/auth/user/{rows['auth/user'].pk}/change/"):
        page = viewer.get(address).content.decode()
        assert "/lock/now/" not in page
        assert "/lift/" not in page
    assert viewer.post(NOW, {"everything": "on"}).status_code == 403
    assert viewer.post(f"{LIST}{lock.pk}/lift/").status_code == 403
    assert viewer.get(ADD).status_code == 403
    assert Lock.objects.get() == lock


def test_only_a_post_locks_and_lifts(operator: Client, rows: dict[str, Any]):
    lock = Lock.objects.create(everything=True, reason="noise")
    assert operator.get(f"{NOW}?everything=on").status_code == 405
    assert operator.get(f"{LIST}{lock.pk}/lift/").status_code == 405
    assert Lock.objects.get() == lock


def test_without_the_forms_token_nothing_is_locked(rows: dict[str, Any]):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_superuser("root"))
    assert strict.post(NOW, {"everything": "on"}).status_code == 403
    assert not Lock.objects.exists()


def test_it_leads_back_to_this_site_alone(operator: Client, rows: dict[str, Any]):
    response = operator.post(NOW, {"everything": "on", "next": "https://evil.example/"})
    assert response["Location"] == LIST


def test_names_in_the_panel_are_inert(operator: Client, rows: dict[str, Any]):
    user = User.objects.create(username="<b>\u202e")
    page = operator.get(f"/admin/auth/user/{user.pk}/change/").content.decode()
    panel = page[page.index("Lock <strong") :][:300]
    assert "&lt;b&gt;\\u202e" in panel


def test_stranger_is_led_to_the_login_page(client: Client, rows: dict[str, Any]):
    assert client.post(NOW, {"everything": "on"})["Location"].startswith("/admin/login/")
    assert not Lock.objects.exists()


def test_pages_of_a_verb_and_an_execution_have_the_button(rows: dict[str, Any]):
    operator = client_of("operator", "add_lock", "view_execution", "view_verb")
    execution = make_execution(user_id=rows["auth/user"].pk, remote_addr="192.0.2.7")
    page = operator.get(f"/admin/commands/execution/{execution.pk}/change/").content.decode()
    for target in ("user demo", "verb blacklist", "network 192.0.2.7"):
        assert re.search(f"Lock <strong[^>]*>{target}</strong>", page), target
    page = operator.get(f"/admin/commands/verb/{rows['commands/verb'].pk}/change/").content.decode()
    assert re.search("Lock <strong[^>]*>verb blacklist</strong>", page)
