"""What users do about themselves: by POST alone, to their own alone, each of it recorded."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from commands import audit
from commands.evidence import head
from commands.models import AuditEvent, Chain, Connection, EndRequest, Lock
from commands.web.own import acts
from tests.commands.admin.conftest import make_execution

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.history]

NONE = uuid.UUID(int=0)

Browser = Callable[[User], Client]


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no server here that would end anything: see tests/imapserver/test_own_page.py."""
    monkeypatch.setattr(acts.locks, "END_SECONDS", 0)


@pytest.fixture
def chain() -> uuid.UUID:
    """Of a process that lives."""
    return Chain.objects.create(node=head.node().replace(":", "-elsewhere:"), key_id="k").pk


def runs(user: User, chain: uuid.UUID, **fields: Any) -> uuid.UUID:
    return make_execution(user_id=user.pk, username=user.username, chain_id=chain, **fields).pk


def connected(user: User, chain: uuid.UUID) -> uuid.UUID:
    values = {"door": "imap", "since": timezone.now(), "chain_id": chain, "node": "mail1:7"}
    return Connection.objects.create(user_id=user.pk, username=user.username, client_id="K-9", **values).pk


def changes() -> list[tuple[str, str]]:
    events = AuditEvent.objects.filter(kind="change").order_by("pk")
    return [(event.actor, event.reason) for event in events]


def test_own_execution_is_ended_and_that_is_recorded(ann: User, browser: Browser, chain: uuid.UUID):
    key = runs(ann, chain)
    assert f"/me/end/{key}/" in browser(ann).get("/me/").content.decode()
    browser(ann).post(f"/me/end/{key}/")
    request = EndRequest.objects.get()
    assert (request.target, request.made_by) == (key, "ann")
    ((actor, reason),) = changes()
    assert actor == "ann"
    assert reason.endswith("ended: on their own page")


def test_own_client_is_disconnected(ann: User, browser: Browser, chain: uuid.UUID):
    key = connected(ann, chain)
    assert "K-9" in browser(ann).get("/me/").content.decode()
    browser(ann).post(f"/me/disconnect/{key}/")
    assert EndRequest.objects.get().target == key


def test_all_of_ones_own_is_ended_and_nothing_of_another(ann: User, demo: User, browser: Browser, chain: uuid.UUID):
    own = {runs(ann, chain), runs(ann, chain), connected(ann, chain)}
    runs(demo, chain), connected(demo, chain)
    page = browser(ann).post("/me/end/all/", follow=True).content.decode()
    assert set(EndRequest.objects.values_list("target", flat=True)) == own
    assert "Ended: 2 executions and 1 connection." in page


def test_what_is_another_users_can_be_ended_by_nobody_else(ann: User, demo: User, browser: Browser, chain: uuid.UUID):
    assert browser(ann).post(f"/me/end/{runs(demo, chain)}/").status_code == 404
    page = browser(ann).post(f"/me/disconnect/{connected(demo, chain)}/", follow=True).content.decode()
    assert "It is not connected any more." in page  # the same as of one that there is not
    lock = Lock.objects.create(user=demo, reason="lost phone", made_by="ann")
    assert browser(ann).post(f"/me/lift/{lock.pk}/").status_code == 404
    assert not EndRequest.objects.exists()
    assert Lock.objects.count() == 1


def test_what_has_ended_already_is_not_ended_again(ann: User, browser: Browser, chain: uuid.UUID):
    key = runs(ann, chain, outcome="exit", exit_code=0)
    assert "had ended already" in browser(ann).post(f"/me/end/{key}/", follow=True).content.decode()
    assert not EndRequest.objects.exists()


def test_locking_oneself_is_recorded_and_lifted_by_oneself(ann: User, browser: Browser):
    page = browser(ann).post("/me/lock/", {"reason": " lost phone "}, follow=True).content.decode()
    lock = Lock.objects.get()
    assert (lock.user, lock.reason, lock.made_by, lock.until) == (ann, "lost phone", "ann", None)
    assert "EXECUTE is locked for you" in page
    assert "/me/lock/" not in page, "it is locked"
    browser(ann).post("/me/lock/", {"reason": "once more"})
    assert Lock.objects.count() == 1
    page = browser(ann).post(f"/me/lift/{lock.pk}/", follow=True).content.decode()
    assert not Lock.objects.exists()
    assert "Your lock is lifted." in page
    assert [(actor, reason.split()[0], reason.split()[-3:]) for actor, reason in changes()] == [
        ("ann", "lock", changes()[0][1].split()[-3:]),
        ("ann", "lock", changes()[1][1].split()[-3:]),
    ]
    outcomes = AuditEvent.objects.filter(kind="change").order_by("pk").values_list("outcome", flat=True)
    assert list(outcomes) == ["added", "deleted"]


def test_lock_without_a_reason_says_who_made_it(ann: User, browser: Browser):
    browser(ann).post("/me/lock/")
    assert Lock.objects.get().reason == "by the user"


def test_reason_keeps_no_nul_which_postgresql_does_not_take(ann: User, browser: Browser):
    browser(ann).post("/me/lock/", {"reason": "lost\0 phone"})
    assert Lock.objects.get().reason == "lost phone"


def test_reason_that_is_too_long_locks_nothing_and_is_told(ann: User, browser: Browser):
    page = browser(ann).post("/me/lock/", {"reason": "x" * 201}, follow=True).content.decode()
    assert "Not locked:" in page
    assert not Lock.objects.exists()


def test_lock_of_an_administrator_stays(ann: User, browser: Browser):
    lock = Lock.objects.create(user=ann, reason="we call you", made_by="admin")
    page = browser(ann).get("/me/").content.decode()
    assert "we call you" in page
    assert "An administrator has made this lock" in page
    assert f"/me/lift/{lock.pk}/" not in page
    assert browser(ann).post(f"/me/lift/{lock.pk}/").status_code == 403
    assert Lock.objects.count() == 1


@pytest.mark.parametrize("act", ["end/all", "lock", "lift/1", f"end/{NONE}", f"disconnect/{NONE}"])
def test_nothing_is_done_by_get_or_without_the_token_or_by_who_is_nobody(ann: User, browser: Browser, act: str):
    assert browser(ann).get(f"/me/{act}/").status_code == 405
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(ann)
    assert forged.post(f"/me/{act}/").status_code == 403
    assert Client().post(f"/me/{act}/")["Location"].startswith("/me/login/")
    assert not Lock.objects.exists()
    assert not AuditEvent.objects.filter(kind="change").exists()


def test_nothing_is_ended_that_cant_be_recorded(ann: User, browser: Browser, chain: uuid.UUID):
    key, client = runs(ann, chain), browser(ann)
    audit.writer.stop()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE commands_auditevent RENAME TO away")
    try:
        assert client.post(f"/me/end/{key}/").status_code == 302
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO commands_auditevent")
    assert acts.NOT_RECORDED in client.get("/me/").content.decode().replace("&#x27;", "'")
    assert not EndRequest.objects.exists()
