"""`manage.py lock` and `unlock`: what they make, list and lift, and what they say of wrong options."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from commands import locks
from commands.locks import Target
from commands.management.commands.lock import moment, span
from commands.models import AuditEvent, Execution, Lock, Verb

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def ann() -> User:
    Verb.objects.create(name="echo", argv=["/bin/true"])
    return User.objects.create_user("ann")


def said(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def started(**fields: object) -> Execution:
    values = {"user_id": User.objects.get().pk, "username": "ann", "verb": "echo", "door": "imap"}
    return Execution.objects.create(started=timezone.now(), **(values | fields))


@pytest.mark.history
@pytest.mark.parametrize(
    ("options", "covers"),
    [
        (("--user", "ann"), "user ann"),
        (("--verb", "ECHO"), "verb echo"),
        (("--network", "2001:db8:0::/32"), "network 2001:db8::/32"),
        (("--network", "192.0.2.7"), "network 192.0.2.7"),
        (("--everything",), "everything"),
    ],
)
def test_lock_is_made_listed_and_lifted_and_all_is_on_record(options: tuple[str, ...], covers: str) -> None:
    assert said("lock") == "Nothing is locked.\n"
    made = said("lock", *options, "--reason", "noise")
    lock = Lock.objects.get()
    assert made == (
        f"Lock {lock.pk} stands until it is lifted: {covers} (noise).\nNothing that it covers was running.\n"
    )
    assert f"{lock.pk}  {covers} (noise); until it is lifted; made " in said("lock")
    assert lock.made_by.endswith(" (manage.py)")
    assert said("unlock", *options) == f"Lifted lock {lock.pk}: {covers} (noise).\n"
    assert said("lock") == "Nothing is locked.\n"
    changes = AuditEvent.objects.filter(kind="change", reason__startswith="lock ").order_by("pk")
    assert [(event.outcome, event.door) for event in changes] == [("added", "terminal"), ("deleted", "terminal")]
    assert all(covers in event.reason for event in changes)


def test_lock_is_lifted_by_its_number() -> None:
    said("lock", "--everything", "--reason", "one")
    said("lock", "--everything", "--reason", "two")
    first = Lock.objects.get(reason="one")
    assert said("unlock", str(first.pk)) == f"Lifted lock {first.pk}: everything (one).\n"
    assert Lock.objects.get().reason == "two"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("lock", "--everything"), "Say why, with --reason"),
        (("lock", "--user", "nobody", "--reason", "x"), "There is no user nobody."),
        (("lock", "--verb", "nothing", "--reason", "x"), "There is no verb nothing."),
        (("lock", "--network", "here", "--reason", "x"), "here"),
        (("lock", "--everything", "--reason", "x", "--until", "2001-01-01"), "give a time to come"),
        (("lock", "--everything", "--reason", "x", "--until", "soon"), "'soon' is no time"),
        (("lock", "--everything", "--reason", "x", "--for", "2x"), "'2x' is no span of time"),
        (("lock", "--everything", "--user", "ann", "--reason", "x"), "not allowed with"),
        (("unlock", "999"), "There is no lock 999."),
        (("unlock", "--user", "ann"), "No lock is on user ann."),
        (("unlock",), "Say which"),
        (("unlock", "1", "--everything"), "Say which"),
    ],
)
def test_wrong_options_are_told_and_nothing_is_locked(arguments: tuple[str, ...], error: str) -> None:
    with pytest.raises(CommandError, match=error):
        said(*arguments)
    assert not Lock.objects.exists()


def test_span_and_moment_are_read() -> None:
    assert span("90m") == timedelta(minutes=90)
    assert span("7d") == timedelta(days=7)
    assert timezone.localtime(moment("18:05")).strftime("%H:%M") == "18:05"
    assert timezone.localtime(moment("2999-01-02")).strftime("%Y-%m-%d %H:%M") == "2999-01-02 00:00"
    assert moment("2999-01-02T10:00+02:00").isoformat() == "2999-01-02T10:00:00+02:00"


def test_lock_covers_what_it_is_about_and_runs(ann: User) -> None:
    here, there = started(remote_addr="192.0.2.7"), started(remote_addr="198.51.100.1", verb="other")
    started(remote_addr="192.0.2.7", outcome="exit", ended=timezone.now())
    other = started(user_id=ann.pk + 1, username="eve", remote_addr=None)

    def covered(target: Target) -> set[object]:
        return {execution.pk for execution in locks.running(locks.make(target, "test", "test"))}

    assert covered(Target(user=ann)) == {here.pk, there.pk}
    assert covered(Target(verb=Verb.objects.get())) == {here.pk, other.pk}
    assert covered(Target(network="192.0.2.0/24")) == {here.pk}
    assert covered(Target(everything=True)) == {here.pk, there.pk, other.pk}


def test_execution_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "END_SECONDS", 0.2)
    started(node="mail1:7")
    assert "  still not ended: ann: echo, started " in said("lock", "--user", "ann", "--reason", "test")
