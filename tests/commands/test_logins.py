"""Each login on the web is an audit event, and each lock-out an alert; logins by IMAP are recorded where they come."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from commands.models import AuditEvent
from imapserver import penalties
from imapserver.sasl import LoginFailed

pytestmark = pytest.mark.django_db(transaction=True)

LOGIN = "/admin/login/"


@pytest.fixture(autouse=True)
def admin(settings: Any) -> User:
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.AXES_FAILURE_LIMIT = 3
    return User.objects.create_superuser("admin", password="secret words")


@pytest.fixture
def browser() -> Client:
    return Client(headers={"user-agent": "Firefox \u202e133"}, REMOTE_ADDR="192.0.2.7")


def events() -> list[tuple[Any, ...]]:
    columns = ("kind", "outcome", "actor", "actor_id", "reason", "door")
    return list(AuditEvent.objects.order_by("pk").values_list(*columns))


def log_in(browser: Client, username: str = "admin", password: str = "secret words", **extra: Any) -> None:
    browser.post(LOGIN, {"username": username, "password": password}, **extra)


def test_login_and_logout_are_on_record(browser: Client, admin: User) -> None:
    log_in(browser)
    browser.post("/admin/logout/")
    assert events() == [
        ("login", "ok", "admin", admin.pk, "", "web"),
        ("login", "logout", "admin", admin.pk, "", "web"),
    ]
    event = AuditEvent.objects.earliest("pk")
    assert (event.remote_addr, event.tls, event.client_id) == ("192.0.2.7", False, r"Firefox \u202e133")


def test_login_over_tls_says_so(browser: Client) -> None:
    log_in(browser, secure=True)
    assert AuditEvent.objects.get().tls


def test_failed_login_is_on_record_with_the_name_and_without_the_password(browser: Client) -> None:
    log_in(browser, "adm\x1bin", "wrong words")
    assert events() == [("login", "failed", r"adm\x1bin", None, "wrong user name or password", "web")]
    assert "wrong words" not in repr(AuditEvent.objects.values_list())


def test_lock_out_is_one_alert_and_later_tries_are_failures(browser: Client) -> None:
    for _ in range(5):
        log_in(browser, password="wrong")
    assert [event[:2] for event in events()].count(("alert", "locked-out")) == 1
    failed = AuditEvent.objects.filter(kind="login").order_by("pk").values_list("outcome", "reason")
    assert (
        list(failed)
        == [("failed", "wrong user name or password")] * 2 + [("failed", "wrong user name or password, locked out")] * 3
    )
    assert [event for event in events() if event[0] == "alert"] == [
        ("alert", "locked-out", "admin", None, "too many failed logins from this address", "web")
    ]


def test_login_by_imap_is_not_recorded_here_but_its_lock_out_is() -> None:
    penalties.authenticated("admin", "secret words", "192.0.2.7")
    for _ in range(4):
        with pytest.raises(LoginFailed):
            penalties.authenticated("admin", "wrong", "192.0.2.7")
    assert events() == [("alert", "locked-out", "admin", None, "too many failed logins from this address", "imap")]


def test_lock_out_by_an_engine_is_an_alert_too() -> None:
    for _ in range(4):
        penalties._count("ann", "192.0.2.7")
    assert [event[:3] for event in events()] == [("alert", "locked-out", "ann")] * 2  # each of these has counted


def test_login_goes_on_where_it_cant_be_recorded(browser: Client, caplog: pytest.LogCaptureFixture) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE commands_auditevent RENAME TO away")
    try:
        log_in(browser)
        assert browser.get("/admin/password_change/").status_code == 200
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO commands_auditevent")
    assert "Not recorded: ok of 'admin' from 192.0.2.7" in caplog.text
