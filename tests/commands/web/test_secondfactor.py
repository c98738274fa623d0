"""A second factor: set up, asked for at each login, demanded of those who may change what runs; lost and reset."""

import re
from binascii import unhexlify
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from commands.models import AuditEvent
from commands.web.secondfactor import codes
from commands.web.whose import user_of

pytestmark = pytest.mark.django_db(transaction=True)

LOGIN = "/admin/login/"
PASSWORD = "secret words"


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.IMAPX = settings.IMAPX | {"SECOND_FACTOR": "optional", "CONFIRM_SECONDS": 600}


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("admin", password=PASSWORD)


def demand(settings: Any, mode: str) -> None:
    settings.IMAPX = settings.IMAPX | {"SECOND_FACTOR": mode}


def code_of(key: str, steps: int = 0) -> str:
    return f"{totp(unhexlify(key), drift=steps):06}"


def give(user: User) -> list[str]:
    """A second factor none of whose codes is used; its recovery codes."""
    key = codes.new_key()
    right = codes.checked(key, code_of(key))
    assert right is not None
    recovery = codes.set_up(user, right)
    TOTPDevice.objects.update(last_t=-1)
    return recovery


def code(user: User) -> str:
    device = codes.app_of(user)
    assert device is not None
    return code_of(device.key)


def log_in(client: Client, code: str = "", password: str = PASSWORD, page: str = LOGIN) -> Any:
    return client.post(page, {"username": "admin", "password": password, "code": code})


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def events() -> list[tuple[str, str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("kind", "outcome", "reason"))


# Setting up


def test_user_sets_it_up_by_a_code_and_gets_recovery_codes_once(admin: User) -> None:
    client = Client()
    log_in(client)
    page = client.get("/security/set-up/").content.decode()
    assert "<svg" in page
    assert "style=" not in page[page.index("<svg") : page.index("</svg>")]
    signed = re.search(r'name="key" value="([^"]+)"', page)
    shown = re.search(r"security-key[^>]*>([a-z2-7 ]+)<", page)
    assert signed and shown
    key = _hex(shown[1])
    page = client.post("/security/set-up/", {"key": signed[1], "code": code_of(key)}).content.decode()
    recovery = re.findall(r"<li>([a-z2-7 ]{19})</li>", page)
    assert len(set(recovery)) == codes.RECOVERY_CODES
    assert codes.is_set_up(admin)
    assert ("change", "added", "second factor of admin set up") in events()
    assert is_in(client)  # it has just shown that it has it
    for each in ("/security/", "/security/set-up/"):
        assert recovery[0] not in client.get(each, follow=True).content.decode()


def test_wrong_code_sets_up_nothing_and_the_key_stays(admin: User) -> None:
    client = Client()
    client.force_login(admin)
    signed = re.search(r'name="key" value="([^"]+)"', client.get("/security/set-up/").content.decode())
    assert signed
    before = client.get("/security/set-up/")
    assert before["Cache-Control"].find("no-store") >= 0
    page = client.post("/security/set-up/", {"key": signed[1], "code": "12345"}).content.decode()
    assert "That is not the code" in page
    assert not TOTPDevice.objects.exists()


@pytest.mark.parametrize("key", ["", "forged", "another"])
def test_key_of_nobodys_page_is_not_taken(admin: User, key: str) -> None:
    client, other = Client(), Client()
    client.force_login(admin)
    other.force_login(User.objects.create_user("ann"))
    if key == "another":
        page = other.get("/security/set-up/").content.decode()
        key = re.findall(r'name="key" value="([^"]+)"', page)[0]
    assert "too old" in client.post("/security/set-up/", {"key": key, "code": "123456"}).content.decode()
    assert not TOTPDevice.objects.exists()


def _hex(text: str) -> str:
    from base64 import b32decode

    return b32decode(text.replace(" ", "").upper()).hex()


# Logging in


@pytest.mark.parametrize("page", [LOGIN, "/me/login/"])
def test_password_alone_opens_nothing(admin: User, page: str) -> None:
    give(admin)
    client = Client()
    log_in(client, page=page)
    assert not is_in(client)
    assert events() == [("login", "failed", "wrong one-time code")]


@pytest.mark.parametrize("page", [LOGIN, "/me/login/"])
def test_password_and_code_open_the_pages(admin: User, page: str) -> None:
    give(admin)
    client = Client()
    given = code(admin)
    log_in(client, f"{given[:3]} {given[3:]}", page=page)
    assert is_in(client)
    assert events() == [("login", "ok", "")]
    assert user_of(client.session.session_key) == admin


def test_code_counts_once(admin: User) -> None:
    give(admin)
    given = code(admin)
    log_in(Client(), given)
    second = Client()
    log_in(second, given)
    assert not is_in(second)


def test_recovery_code_counts_once_and_is_on_record(admin: User) -> None:
    recovery = give(admin)
    first, second = Client(), Client()
    log_in(first, recovery[3])
    log_in(second, recovery[3])
    assert (is_in(first), is_in(second)) == (True, False)
    assert events()[0] == ("login", "ok", "with a recovery code")
    assert codes.recovery_codes_left(admin) == codes.RECOVERY_CODES - 1


def test_what_was_wrong_is_not_told(admin: User) -> None:
    give(admin)
    pages = [log_in(Client(), "123456", password=password).content.decode() for password in (PASSWORD, "other")]
    errors = [re.search(r"That was not right[^<]*", page) for page in pages]
    assert errors[0] and errors[1] and errors[0][0] == errors[1][0]


def test_wrong_codes_lock_out_as_wrong_passwords_do(admin: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    give(admin)
    client = Client()
    answers = [log_in(client, "000000").status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    log_in(client, code(admin))
    assert not is_in(client)
    assert ("alert", "locked-out", "too many failed logins from this address") in events()


def test_wrong_code_of_the_app_does_not_block_the_recovery_codes(admin: User) -> None:
    recovery = give(admin)
    log_in(Client(), "000000")
    client = Client()
    log_in(client, code(admin))  # the app's have to wait now
    assert not is_in(client)
    log_in(client, recovery[0])
    assert is_in(client)


def test_neither_key_nor_codes_can_be_read_from_a_failed_login(admin: User) -> None:
    from axes.models import AccessAttempt

    give(admin)
    log_in(Client(), "aaaabbbbccccdddd")
    assert "aaaabbbb" not in repr(AccessAttempt.objects.values_list()) + repr(AuditEvent.objects.values_list())


def test_recovery_codes_are_kept_as_digests(admin: User) -> None:
    recovery = {each.replace(" ", "") for each in give(admin)}
    assert recovery.isdisjoint(StaticToken.objects.values_list("token", flat=True))


def test_session_that_was_begun_without_is_over_when_it_is_set_up_elsewhere(admin: User) -> None:
    old = Client()
    log_in(old)
    key = old.session.session_key
    assert user_of(key) == admin
    give(admin)
    assert user_of(key) is None  # for its WebSockets
    assert not is_in(old)
    assert "second factor was set up" in old.get(LOGIN).content.decode()


def test_switched_off_nobody_is_asked(admin: User, settings: Any) -> None:
    give(admin)
    demand(settings, "off")
    client = Client()
    assert 'name="code"' not in client.get(LOGIN).content.decode()
    log_in(client)
    assert is_in(client)


# Whoever must have one


@pytest.mark.parametrize(
    ("mode", "right", "opens"),
    [
        ("optional", "change_verb", True),
        ("editors", "change_verb", False),
        ("editors", "add_rule", False),
        ("editors", "change_user", False),
        ("editors", "view_verb", True),
        ("staff", "view_verb", False),
    ],
)
def test_whoever_must_have_one_opens_nothing_before(settings: Any, mode: str, right: str, opens: bool) -> None:
    demand(settings, mode)
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename=right))
    client = Client()
    client.force_login(user)
    for address in ("/admin/", "/admin/password_change/", "/me/", "/security/"):
        response = client.get(address)
        assert (response.status_code == 200) == opens, address
        if not opens:
            assert response["Location"] == "/security/set-up/"
    assert (user_of(client.session.session_key) is not None) == opens
    assert client.get("/security/set-up/").status_code == 200


def test_superuser_must_have_one_and_mail_users_need_none(admin: User, settings: Any) -> None:
    demand(settings, "editors")
    client, mail_user = Client(), Client()
    client.force_login(admin)
    mail_user.force_login(User.objects.create_user("ann"))
    assert not is_in(client)
    assert client.post("/admin/auth/user/add/", {"username": "x"}).status_code == 302
    assert User.objects.count() == 2
    assert mail_user.get("/me/").status_code == 200
    give(admin)
    log_in(client, code(admin))
    assert is_in(client)


# Changed, removed, lost


def test_new_recovery_codes_take_the_place_of_the_old(admin: User) -> None:
    recovery = give(admin)
    client = Client()
    log_in(client, code(admin))
    page = client.post("/security/recovery-codes/").content.decode()
    fresh = re.findall(r"<li>([a-z2-7 ]{19})</li>", page)
    assert set(fresh).isdisjoint(recovery)
    assert codes.verified_by(admin, recovery[0]) is None
    StaticToken.objects.first().device.throttle_reset()  # type: ignore[union-attr]
    assert codes.verified_by(admin, fresh[0]) is not None


def test_it_is_removed_by_password_and_code_alone(admin: User) -> None:
    recovery = give(admin)
    client = Client()
    log_in(client, recovery[0])
    for form in ({}, {"password": PASSWORD}, {"password": "other", "code": recovery[1]}):
        client.post("/security/remove/", form)
        assert codes.is_set_up(admin)
    client.post("/security/remove/", {"password": PASSWORD, "code": recovery[1]})
    assert not codes.is_set_up(admin)
    assert not StaticToken.objects.exists()
    assert is_in(client)
    assert events()[-1] == ("change", "deleted", "second factor of admin removed")


def test_superuser_alone_resets_that_of_another(admin: User) -> None:
    ann = User.objects.create_user("ann", is_staff=True)
    ann.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    give(ann)
    page = f"/admin/auth/user/{ann.pk}/second-factor/"
    clerk, client = Client(), Client()
    clerk.force_login(User.objects.create_user("clerk", is_staff=True))
    assert clerk.post(page).status_code == 403
    assert codes.is_set_up(ann)
    client.force_login(admin)
    assert page in client.get(f"/admin/auth/user/{ann.pk}/change/").content.decode()
    assert "Reset second factor" in client.get(page).content.decode()
    assert codes.is_set_up(ann)
    client.post(page)
    assert not codes.is_set_up(ann)
    assert events()[-1] == ("change", "deleted", "second factor of ann reset")


def test_it_is_reset_on_the_terminal(admin: User) -> None:
    output = StringIO()
    give(admin)
    call_command("secondfactor", stdout=output)
    assert output.getvalue() == "admin: set up, 10 recovery codes left\n"
    call_command("secondfactor", "admin", "--reset", stdout=StringIO())
    assert not codes.is_set_up(admin)
    assert events() == [("change", "deleted", "second factor of admin reset")]
    with pytest.raises(CommandError, match="has set up no second factor"):
        call_command("secondfactor", "admin", "--reset")
    with pytest.raises(CommandError, match="There is no user joe"):
        call_command("secondfactor", "joe")


def test_what_cant_be_recorded_is_not_changed(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from commands import audit

    recovery = give(admin)
    client = Client()
    log_in(client, recovery[0])

    def away(events: Any) -> None:
        raise audit.StoreUnavailable("the store is away")

    monkeypatch.setattr(audit, "record_all_now", away)
    page = client.post("/security/remove/", {"password": PASSWORD, "code": recovery[1]}).content.decode()
    assert "can&#x27;t be recorded" in page
    client.post("/security/recovery-codes/")
    assert codes.is_set_up(admin)
    monkeypatch.undo()
    assert codes.verified_by(admin, recovery[2]) is not None
