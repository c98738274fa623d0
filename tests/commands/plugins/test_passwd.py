"""`passwd`, by the one door, with the real database: what it changes, what it refuses, and that no secret stays."""

import asyncio
import logging

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.test import Client

from commands.attempt import Attempt, End
from commands.execution.execution import Execution, run
from commands.models import AuditEvent, Parameter, Rule, Signature, Verb
from commands.plugins import passwd
from tests.support.stored import stored

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "hunter2-Olden", "hunter2-grün-Newer"


@pytest.fixture(autouse=True)
def quick(settings, caplog):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.IMAPX = {**settings.IMAPX, "FAILED_LOGIN_SECONDS": 0}
    settings.AXES_FAILURE_LIMIT = 3
    caplog.set_level(logging.DEBUG)


@pytest.fixture
def verb():
    verb = Verb(name="passwd", kind="plugin", plugin="passwd")
    verb.full_clean()
    verb.save()
    signature = Signature.objects.create(verb=verb)
    for position, name in enumerate(("old", "new")):
        Parameter.objects.create(signature=signature, position=position, name=name, type="secret")
    verb.clean_signatures()
    return verb


@pytest.fixture
def ann(verb):
    ann = get_user_model().objects.create_user("ann", password=OLD)
    Rule.objects.create(user=ann, verb=verb)
    return ann


def change(user: User, *arguments: str | bytes) -> tuple[str, End]:
    """Run it with these arguments; return its output and its end."""
    output = []

    async def carry(execution: Execution) -> None:
        execution.close_input()
        while piece := await execution.read():
            output.append(piece.data)

    raw = tuple(each.encode() if isinstance(each, str) else each for each in arguments)
    attempt = Attempt(user.pk, user.username, "passwd", raw, "test", remote_addr="192.0.2.7")
    end = asyncio.run(run(attempt, carry))
    return b"".join(output).decode(), end


def logs_in(user: User, password: str) -> bool:
    user.refresh_from_db()
    return user.check_password(password)


def test_password_is_changed_and_no_secret_stays_anywhere(ann, caplog):
    output, end = change(ann, OLD, NEW)
    assert (output, end.code) == (f"{passwd.CHANGED}\n", 0)
    assert logs_in(ann, NEW) and not logs_in(ann, OLD)
    for trace in (stored(), caplog.text, output, repr(end)):
        assert "hunter2" not in trace and "gr\\xc3" not in trace
    accept, exit_event = AuditEvent.objects.order_by("pk")
    assert accept.arguments_text.count("secret of") == 2
    assert exit_event.exit_code == 0


def test_web_session_of_the_user_ends(ann, client: Client, settings):
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    ann.is_staff = True
    ann.save()
    client.force_login(ann)
    assert client.get("/admin/").status_code == 200
    change(ann, OLD, NEW)
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    ("new", "lines"),
    [
        ("Ann12", ["too similar to the username", "It must contain at least 8 characters."]),
        ("12345", ["too short", "too common", "entirely numeric"]),
        ("", [passwd.EMPTY]),
        (OLD, [passwd.SAME]),
    ],
)
def test_new_password_that_is_not_good_enough_is_refused_with_the_reasons(ann, new, lines):
    output, end = change(ann, OLD, new)
    assert end.code == 1
    assert len(output.splitlines()) == len(lines)
    assert all(line in text for line, text in zip(lines, output.splitlines(), strict=True))
    assert logs_in(ann, OLD)


def test_wrong_old_password_counts_as_a_failed_login_and_locks_out(ann, caplog):
    assert [change(ann, "hunter2-wrong", NEW)[0] for _ in range(4)] == [f"{passwd.WRONG}\n"] * 2 + [
        f"{passwd.LOCKED_OUT}\n"
    ] * 2
    assert AccessAttempt.objects.get().failures_since_start == 3
    output, end = change(ann, OLD, NEW)
    assert (output, end.code) == (f"{passwd.LOCKED_OUT}\n", 1)
    assert logs_in(ann, OLD)
    assert "hunter2" not in stored() + caplog.text


def test_wrong_old_password_tells_nothing_of_the_new_one(ann):
    assert change(ann, "wrong", "1")[0] == f"{passwd.WRONG}\n"


def test_user_whose_password_the_engine_keeps_is_told_so(ann):
    User.objects.update(password=make_password(None))
    assert change(ann, OLD, NEW)[0] == f"{passwd.ELSEWHERE}\n"
    assert not AccessAttempt.objects.exists()


def test_password_that_somebody_else_changes_meanwhile_stays_as_that_one_set_it(ann, monkeypatch):
    def change_first(*args, **kwargs) -> User | None:
        user = authenticate(*args, **kwargs)
        User.objects.update(password=make_password("by the administrator"))
        return user

    monkeypatch.setattr(passwd, "authenticate", change_first)
    assert change(ann, OLD, NEW)[0] == f"{passwd.MEANWHILE}\n"
    assert logs_in(ann, "by the administrator")


def test_map_entry_of_other_arguments_is_told_apart(ann):
    Parameter.objects.filter(name="new").delete()
    output, end = change(ann, OLD)
    assert end.code == 64 and "set up wrongly" in output


def test_store_that_fails_shows_nothing_to_the_user_and_no_secret_to_the_log(ann, caplog, monkeypatch):
    def fail(password: str, user: User) -> None:
        raise RuntimeError(f"a validator that quotes {password}")

    monkeypatch.setattr(passwd, "validate_password", fail)
    output, end = change(ann, OLD, NEW)
    assert (output, end.code) == ("", 1)
    assert "RuntimeError" in caplog.text and "hunter2" not in caplog.text + stored()
