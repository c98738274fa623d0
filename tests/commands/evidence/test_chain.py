"""Sealing: numbers without a gap whatever fails, keys that only go forward, and what is anchored when."""

import asyncio
import socket
import stat
import time

import pytest
from django.db import connection
from django.utils import timezone

from commands import audit, rows
from commands.evidence import head, keyfile, seal
from commands.evidence.anchors import read
from commands.models import AuditEvent, Chain, Execution
from commands.outcome import Outcome
from tests.commands.evidence.conftest import anchors, login, submit, verify, write
from tests.commands.test_audit import raw_connection, submit_together

pytestmark = pytest.mark.django_db(transaction=True)


def sequences() -> list[int]:
    return list(AuditEvent.objects.order_by("id").values_list("sequence", flat=True))


def test_every_field_of_an_event_is_sealed():
    fields = {field.attname for field in AuditEvent._meta.concrete_fields}
    assert set(seal.FIELDS) == fields - {"id", "chain_id", "sequence", "epoch", "mac"}


def test_none_is_not_empty_and_lengths_keep_fields_apart():
    fields = dict.fromkeys(seal.FIELDS)
    variants = [{}, {"reason": ""}, {"reason": "ab"}, {"reason": "a", "actor": "b"}, {"actor": "ab"}, {"bytes_in": 0}]
    assert len({seal.encode(fields | variant) for variant in variants}) == len(variants)


def test_failed_unit_leaves_no_gap():
    def fail():
        login("never")
        raise LookupError

    asyncio.run(submit_together([login, fail, login, login, fail, login]))
    assert sequences() == [1, 2, 3, 4]
    audit.writer.stop()
    assert verify() == (0, [])


def test_batch_that_the_store_refuses_leaves_no_gap():
    submit()
    refuse, allow = {
        "sqlite": (
            ["CREATE TRIGGER full BEFORE INSERT ON commands_auditevent BEGIN SELECT RAISE(ABORT, 'full'); END"],
            "DROP TRIGGER full",
        ),
        "postgresql": (
            [
                "CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'full'; END$$",
                'CREATE TRIGGER "full" BEFORE INSERT ON commands_auditevent EXECUTE FUNCTION full_up()',
            ],
            "DROP FUNCTION full_up() CASCADE",
        ),
    }[connection.vendor]
    with connection.cursor() as cursor:
        for statement in refuse:
            cursor.execute(statement)
        for _ in range(2):
            with pytest.raises(audit.StoreUnavailable):
                submit()
        cursor.execute(allow)
    submit()
    assert sequences() == [1, 2]
    audit.writer.stop()
    assert verify() == (0, [])


def test_first_batch_that_is_rolled_back_leaves_no_chain():
    def fail():
        login()
        raise LookupError

    with pytest.raises(LookupError):
        submit(fail)
    assert not Chain.objects.exists()
    submit()
    assert (sequences(), Chain.objects.count()) == ([1], 1)


def test_commit_of_which_nobody_knows_begins_a_new_chain(postgres):
    """The server is killed in the COMMIT of a batch: it may be written or not."""
    submit()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); RETURN NULL; END$$"
        )
        cursor.execute(
            "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON commands_execution DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION die()"
        )
    undone = []
    with pytest.raises(audit.StoreUnavailable):
        asyncio.run(audit.writer.submit(_login_with_execution, undo=lambda value: undone.append(value)))
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION die() CASCADE")
    submit()
    audit.writer.stop()
    assert Chain.objects.count() == 2
    assert len(undone) == 1
    assert verify() == (0, [])


def _login_with_execution() -> str:
    import uuid

    rows.insert(
        Execution(
            id=uuid.uuid4(), user_id=1, username="ann", verb="v", door="imap", started=timezone.now(), outcome="x"
        )
    )
    login()
    return "value"


def test_event_outside_of_the_writer_is_refused():
    with pytest.raises(RuntimeError):
        login()


def test_chain_is_ended_when_its_writer_stops():
    submit()
    assert Chain.objects.get().ended_at is None
    audit.writer.stop()
    assert Chain.objects.get().ended_at is not None


def test_sealing_key_goes_forward_alone_and_the_old_one_is_overwritten(data):
    directory = data / "audit"
    first = keyfile.sealing_key(directory, 1_000_000)
    root = keyfile.read_root(keyfile.roots(directory)[0])
    later = keyfile.sealing_key(directory, 1_000_000 + 25 * 3600)
    assert (first.epoch, later.epoch) == (0, 25)
    assert root.at(25) == later
    text = (directory / "sealing-key").read_text()
    assert first.key.hex() not in text
    assert root.key.hex() not in text
    back = keyfile.sealing_key(directory, 1_000_000 + 3600)  # the clock was set back by a day
    assert back == later
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_key_does_not_follow_a_clock_that_is_set_while_it_is_used(monkeypatch):
    for hours in (0, 24, 0, -24):
        with monkeypatch.context() as patch:
            pass_by(patch, time, "time", hours)
            write(2)
    assert verify() == (0, [])
    assert list(AuditEvent.objects.values_list("epoch", flat=True)) == [0] * 8


def test_key_of_a_new_hour_seals_and_verifies(monkeypatch):
    for hours in (0, 1, 5):
        with monkeypatch.context() as patch:
            pass_by(patch, head._clock, "now", hours)
            submit()
    audit.writer.stop()
    assert list(AuditEvent.objects.order_by("id").values_list("epoch", "sequence")) == [(0, 1), (1, 2), (5, 3)]
    pass_by(monkeypatch, time, "time", 6)
    assert verify("--tolerance", "6") == (0, [])


def pass_by(patch, clock, name: str, hours: int) -> None:
    real = getattr(clock, name)
    patch.setattr(clock, name, lambda: real() + hours * 3600)


def test_new_key_begins_a_new_chain(monkeypatch):
    submit()
    keyfile.make_anew(head.directory())
    submit()
    assert Chain.objects.count() == 1  # within the hour the key is at hand
    pass_by(monkeypatch, head._clock, "now", 2)
    submit()
    audit.writer.stop()
    assert Chain.objects.count() == 2
    assert len(keyfile.roots(head.directory())) == 2
    assert verify() == (0, [])


def test_key_that_was_taken_away_verifies_from_where_it_is(tmp_path):
    write(3)
    (root,) = keyfile.roots(head.directory())
    away = tmp_path / "away"
    root.rename(away)
    write(2)  # sealing needs it no more
    assert verify("--key", str(away)) == (0, [])


def test_other_key_verifies_nothing(tmp_path):
    write(3)
    keyfile.sealing_key(tmp_path / "other", time.time())
    (other,) = keyfile.roots(tmp_path / "other")
    status, findings = verify("--key", str(other))
    assert status == 1
    assert "was not given" in findings[0]


def test_without_a_key_nothing_is_recorded(data):
    path = data / "audit" / "sealing-key"
    path.parent.mkdir()
    path.write_text("rubbish")
    with pytest.raises(audit.StoreUnavailable, match=f"{path} is no key file .*auditkey --new"):
        submit()
    assert not AuditEvent.objects.exists()


def test_first_event_and_every_so_many_are_anchored_and_the_last(settings):
    settings.IMAPX = settings.IMAPX | {"AUDIT_ANCHOR_EVENTS": 3}
    for _ in range(8):
        submit()
    assert [anchor.sequence for anchor in read(anchors())] == [1, 4, 7]
    audit.writer.stop()
    told = list(read(anchors()))
    assert [anchor.sequence for anchor in told] == [1, 4, 7, 8]
    assert told[-1].mac == bytes(AuditEvent.objects.get(sequence=8).mac)


def test_anchors_go_to_syslog_too(settings, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "log"))
        log.settimeout(5)
        settings.IMAPX = settings.IMAPX | {"AUDIT_SYSLOG": str(tmp_path / "log")}
        write(1)
        line = log.recv(4096).decode()
    (anchor,) = read(anchors())
    assert anchor.mac.hex() in line
    (tmp_path / "syslog").write_text(f"Nov 24 11:00:00 host {line}\n")
    assert list(read(tmp_path / "syslog")) == [anchor]


def test_syslog_that_does_not_read_holds_up_nobody_for_long(settings, tmp_path, caplog):
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full,
    ):
        log.bind(str(tmp_path / "log"))
        full.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                full.sendto(b"x" * 1000, str(tmp_path / "log"))
        settings.IMAPX = settings.IMAPX | {"AUDIT_SYSLOG": str(tmp_path / "log")}
        write(1)
    assert sequences() == [1]
    assert "Not anchored in syslog" in caplog.text


def test_file_of_anchors_is_in_the_data_directory_unless_its_path_is_absolute(settings, data):
    settings.IMAPX = settings.IMAPX | {"AUDIT_ANCHORS": "elsewhere"}
    write(1)
    assert [anchor.sequence for anchor in read(data / "elsewhere")] == [1]


def test_anchors_that_can_not_be_written_keep_nothing_from_being_recorded(data, caplog, settings):
    settings.IMAPX = settings.IMAPX | {"AUDIT_ANCHORS": str(data / "none" / "anchors")}
    for _ in range(5):
        submit()
    assert sequences() == [1, 2, 3, 4, 5]
    assert caplog.text.count("Not anchored") == 1  # not with each event
    (data / "none").mkdir()
    audit.writer.stop()
    assert [anchor.sequence for anchor in read(data / "none" / "anchors")] == [5]


def test_several_writers_share_a_key_and_have_a_chain_each():
    other = audit.Writer()

    def record(number: int):
        return lambda: audit.record_event(kind="login", outcome=Outcome.OK, actor=f"user{number}")

    for number in range(4):
        (audit.writer if number % 2 else other).submit_now(record(number))
    other.stop()
    audit.writer.stop()
    assert Chain.objects.count() == 2
    assert verify() == (0, [])
    assert (head.directory() / "sealing-key").stat().st_size == 512


def test_store_that_is_read_elsewhere_is_verified_beside_a_living_writer():
    submit()
    other = raw_connection()
    other.execute("SELECT count(*) FROM commands_auditevent").fetchone()
    assert verify() == (0, [])
    submit()
    other.close()
