"""Who logs in where, and where they are led."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from commands.models import AuditEvent

pytestmark = pytest.mark.django_db(transaction=True)


def log_in(username: str, password: str, page: str = "/me/login/", **fields: str) -> Any:
    return Client(REMOTE_ADDR="192.0.2.7").post(page, {"username": username, "password": password, **fields})


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("admin", password="admin's words")


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [("", "/me/"), ("/me/history/", "/me/history/"), ("/admin/", "/me/"), ("https://evil.example/", "/me/")],
)
def test_user_of_mail_is_led_to_the_own_page(ann: User, wanted: str, led_to: str):
    assert log_in("ann", "ann's words", next=wanted)["Location"] == led_to


def test_administrator_is_led_to_the_admin(admin: User):
    assert log_in("admin", "admin's words")["Location"] == "/admin/"
    assert log_in("admin", "admin's words", next="/me/")["Location"] == "/me/"


def test_who_is_logged_in_is_led_on_from_the_login_page_and_never_back_to_it(ann: User):
    client = Client()
    client.force_login(ann)
    for wanted in ("", "/me/login/"):
        assert client.get("/me/login/", {"next": wanted})["Location"] == "/me/"


def test_start_leads_each_to_their_page(ann: User, admin: User):
    for user, led_to in ((ann, "/me/"), (admin, "/admin/"), (None, "/admin/")):
        client = Client()
        if user is not None:
            client.force_login(user)
        assert client.get("/")["Location"] == led_to


def test_admins_login_page_says_where_others_log_in_to_whom_knows_the_password_alone(ann: User):
    assert "/me/login/ (log in there)" in log_in("ann", "ann's words", "/admin/login/").content.decode()
    assert "(log in there)" not in log_in("ann", "wrong", "/admin/login/").content.decode()


def test_logins_here_are_recorded_and_locked_out_as_all_others(ann: User, settings: Any):
    settings.AXES_FAILURE_LIMIT = 3
    assert log_in("ann", "ann's words").status_code == 302
    for _ in range(3):
        last = log_in("ann", "wrong")
    assert "Too many failed logins" in last.content.decode()
    assert log_in("ann", "ann's words").status_code != 302
    outcomes = AuditEvent.objects.filter(kind="login").order_by("pk").values_list("outcome", "door")
    assert list(outcomes) == [("ok", "web")] + [("failed", "web")] * 4


def test_who_is_not_active_is_let_in_nowhere(ann: User):
    User.objects.update(is_active=False)
    assert log_in("ann", "ann's words").status_code == 200
    assert log_in("ann", "ann's words", "/admin/login/").status_code == 200


def test_whoever_is_nobody_is_led_to_log_in(db: None):
    response = Client().get("/me/history/")
    assert response["Location"] == "/me/login/?next=/me/history/"


def test_logging_out_is_by_post_and_leads_back(ann: User):
    client = Client()
    client.force_login(ann)
    assert client.get("/me/logout/").status_code == 405
    assert client.post("/me/logout/")["Location"] == "/me/login/"
    assert client.get("/me/").status_code == 302
