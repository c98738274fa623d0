"""Whoever can do everything in the database is found out, and where: the first bad sequence number is named."""

import re
import time
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models

from commands import audit
from commands.evidence import head, keyfile, keys, seal
from commands.models import AuditEvent, Chain, TranscriptChunk
from commands.outcome import Outcome
from commands.transcript.chunk import Chunk
from commands.transcript.digest import digest
from tests.commands.evidence.conftest import anchors, attack, verify, write

pytestmark = pytest.mark.django_db(transaction=True)

EVENTS = "commands_auditevent"
COLUMNS = [field.column for field in AuditEvent._meta.concrete_fields if not field.primary_key]


def found() -> list[tuple[int, str]]:
    """Sequence number and first word of each finding."""
    _, findings = verify()
    return [(int(number), word) for number, word in re.findall(r": sequence (\d+): (\w+)", "\n".join(findings))]


def ids() -> list[int]:
    return list(AuditEvent.objects.order_by("id").values_list("id", flat=True))


def copy(source: int, target: int | None = None, **changed: str) -> str:
    """A statement that inserts a copy of an event."""
    columns = ", ".join(f'"{column}"' for column in COLUMNS)
    values = ", ".join(changed.get(column, f'"{column}"') for column in COLUMNS)
    number = f"(SELECT max(id) + 1 FROM {EVENTS})" if target is None else str(target)
    return f"INSERT INTO {EVENTS} (id, {columns}) SELECT {number}, {values} FROM {EVENTS} WHERE id = {source}"


def test_record_as_it_was_written_is_good():
    write(8)
    write(3)
    assert verify() == (0, [])
    assert Chain.objects.filter(ended_at__isnull=False).count() == 2


OTHER_VALUES = {
    "kind": "'exit'",
    "outcome": "'failed'",
    "reason": "'x'",
    "actor": "'eve'",
    "actor_id": "7",
    "remote_addr": "'192.0.2.1'",
    "tls": "true",
    "client_id": "'x'",
    "door": "'x'",
    "execution_id": "'6a61e1d2d4f04f5b8a5c2f1f6f2a1c11'",
    "verb": "'x'",
    "revision": "1",
    "rule_id": "0",
    "rule": "'x'",
    "arguments_text": "''",
    "exit_code": "0",
    "bytes_in": "0",
    "bytes_out": "0",
    "node": "'x'",
    "epoch": "epoch + 1",
}
BY_VENDOR = {
    "sqlite": {
        "at": "'2020-01-01 00:00:00'",
        "arguments": "x'00'",
        "transcript_digest": "x''",
        "duration": "0",
        "mac": "zeroblob(32)",
    },
    "postgresql": {
        "at": "at + interval '1 microsecond'",
        "arguments": "'\\x00'::bytea",
        "transcript_digest": "''::bytea",
        "duration": "interval '0'",
        "mac": "sha256('x')",
    },
}


def test_edited_event_is_named_whatever_of_it_was_changed():
    write(6)
    before = dict(AuditEvent.objects.order_by("id").values()[4])
    changes = OTHER_VALUES | BY_VENDOR[connection.vendor]
    assert set(changes) == set(COLUMNS) - {"chain_id", "sequence"}
    assert verify() == (0, [])
    for column, value in changes.items():
        attack(f"UPDATE {EVENTS} SET {column} = {value} WHERE id = {before['id']}")
        assert found() == [(5, "edited")], column
        models.QuerySet(AuditEvent).filter(pk=before["id"]).update(**{column: before[column]})
        assert verify() == (0, []), column


@pytest.mark.parametrize("change", ["remote_addr = 'nowhere'", "actor_id = 'x'", "at = 'yesterday'"])
def test_event_with_what_the_server_never_writes_is_named(change):
    """PostgreSQL takes no such value; what SQLite takes must not end the verifying there."""
    if connection.vendor != "sqlite":
        pytest.skip("on PostgreSQL columns have types")
    write(6)
    attack(f"UPDATE {EVENTS} SET {change} WHERE id = {ids()[4]}")
    assert found() == [(5, "edited")]


def test_record_that_can_not_be_read_on_is_no_good_record():
    if connection.vendor != "sqlite":
        pytest.skip("on PostgreSQL columns have types")
    write(6)
    attack(f"UPDATE {EVENTS} SET execution_id = 'x' WHERE id = {ids()[4]}")
    with pytest.raises(CommandError, match="Edited, or inserted: the record can't be read at event "):
        call_command("verifyaudit")


def test_deleted_event_is_named():
    write(8)
    attack(f"DELETE FROM {EVENTS} WHERE id = {ids()[4]}")
    assert found() == [(5, "deleted")]


def test_deleted_beginning_is_named():
    write(8)
    attack(f"DELETE FROM {EVENTS} WHERE id IN ({ids()[0]}, {ids()[1]})")
    assert found() == [(1, "deleted")]


def test_beginning_that_is_said_to_be_let_go_of_needs_a_checkpoint():
    write(8)
    third = AuditEvent.objects.order_by("id")[2]
    attack(f"DELETE FROM {EVENTS} WHERE id <= {third.pk}")
    Chain.objects.update(first_sequence=4, first_mac=third.mac)
    assert found() == [(3, "deleted")]


def test_swapped_events_are_named():
    write(8)
    fourth, fifth = ids()[3:5]
    attack(
        *(f"UPDATE {EVENTS} SET id = {new} WHERE id = {old}" for old, new in ((fourth, 10**6), (fifth, fourth))),
        f"UPDATE {EVENTS} SET id = {fifth} WHERE id = {10**6}",
    )
    assert found() == [(4, "swapped")]


def test_events_whose_numbers_were_swapped_are_named():
    write(8)
    fourth, fifth = ids()[3:5]
    attack(
        f"UPDATE {EVENTS} SET sequence = 5 WHERE id = {fourth}", f"UPDATE {EVENTS} SET sequence = 4 WHERE id = {fifth}"
    )
    assert found() == [(4, "swapped")]


def test_duplicated_event_is_named():
    write(8)
    attack(copy(ids()[2]))
    assert found() == [(3, "inserted")]


def test_inserted_event_is_named():
    write(8)
    attack(copy(ids()[7], sequence="9", actor="'eve'"))
    assert found() == [(9, "edited")]


def test_event_that_was_put_in_with_all_others_moved_on_is_named():
    write(5)
    *_, fourth, fifth = ids()
    attack(f"UPDATE {EVENTS} SET sequence = 6, id = {10**6} WHERE id = {fifth}", copy(fourth, fifth, sequence="5"))
    assert found() == [(5, "edited")]


def test_unsealed_event_is_named():
    write(2)
    attack(copy(ids()[1], chain_id="NULL", sequence="NULL", mac="NULL", actor="'eve'"))
    status, findings = verify()
    assert (status, len(findings)) == (1, 1)
    assert findings[0].startswith(f"unsealed: event {ids()[-1]} ")


def test_truncated_chain_is_named_by_its_anchors():
    write(8)
    attack(f"DELETE FROM {EVENTS} WHERE id >= {ids()[5]}")
    assert found() == [(6, "truncated")]
    assert "it ends at 5, and 8 was anchored" in verify()[1][0]


def test_without_anchors_nobody_can_tell_that_the_end_was_cut_off():
    write(8)
    attack(f"DELETE FROM {EVENTS} WHERE id >= {ids()[5]}")
    anchors().unlink()
    assert verify() == (0, [])


def test_deleted_chain_is_named_by_its_anchors():
    write(3)
    write(1)
    chain = AuditEvent.objects.order_by("id").first().chain_id
    attack(f"DELETE FROM {EVENTS} WHERE sequence <= 3 AND id < {ids()[3]}")
    assert found() == [(1, "deleted")]
    Chain.objects.filter(pk=chain).delete()
    assert found() == [(1, "deleted")]


def test_chain_that_the_table_of_chains_does_not_know_is_named():
    write(3)
    Chain.objects.all().delete()
    assert found() == [(1, "not")]


def test_restored_backup_is_named_by_anchors_of_what_it_does_not_have():
    write(4)
    backup = list(AuditEvent.objects.order_by("id"))
    for number in range(3):
        audit.record_now(kind="login", outcome=Outcome.OK, actor=f"later{number}")
    audit.writer.stop()
    write(2)
    attack(f"DELETE FROM {EVENTS} WHERE id > {backup[-1].pk}")
    Chain.objects.exclude(pk=backup[0].chain_id).delete()
    status, findings = verify()
    assert status == 1
    assert len(findings) == 2  # both chains that are newer than the backup
    assert all("restored from a backup" in finding for finding in findings)


def reseal(start: int, epoch: int, **changed) -> None:
    """What somebody does who has this epoch's key: change an event, and seal it and all after it anew."""
    root = keyfile.read_root(keyfile.roots(head.directory())[0])
    chain = Chain.objects.get()
    key = keys.chain_key(root.at(epoch).key, chain.pk)
    events = list(AuditEvent.objects.order_by("id").values())
    previous = events[start - 2]["mac"] if start > 1 else b""
    attack()
    for event in events[start - 1 :]:
        event |= (changed if event["sequence"] == start else {}) | {"epoch": epoch}
        event["mac"] = previous = seal.seal(
            key, chain.pk, event["sequence"], epoch, bytes(previous), seal.encode(event)
        )
        models.QuerySet(AuditEvent).filter(pk=event["id"]).update(**event)


def later(monkeypatch, hours: int) -> None:
    """Let so much time pass."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + hours * 3600)


def test_resealed_events_are_named_by_the_epoch_of_their_key(monkeypatch):
    write(8)
    later(monkeypatch, 24)
    reseal(5, epoch=24, actor="eve")
    anchors().unlink()  # which would tell too
    assert found() == [(5, "resealed")]
    assert verify("--tolerance", "24")[0] == 0  # as if the clock had been set back, which looks the same


def test_events_resealed_in_time_are_named_by_the_anchors():
    write(8)
    reseal(5, epoch=0, actor="eve")
    assert found() == [(8, "not")]
    assert "not what was anchored" in verify()[1][0]


def test_key_that_goes_back_is_named(monkeypatch):
    write(8)
    reseal(3, epoch=2)
    reseal(6, epoch=1)
    anchors().unlink()
    assert found() == [(6, "resealed")]


@pytest.fixture
def exit_with_transcript():
    execution = uuid.uuid4()
    chunks = [Chunk(1, 5, "i", 3, b"add"), Chunk(2, 9, "o", 2, b"ok")]
    write(2)
    audit.record_now(
        kind="exit", outcome=Outcome.EXIT, execution_id=execution, transcript_digest=digest(chunks), verb="v"
    )
    at = AuditEvent.objects.latest("id").at
    audit.writer.stop()
    TranscriptChunk.objects.bulk_create(
        TranscriptChunk(execution_id=execution, at=at, **chunk._asdict()) for chunk in chunks
    )
    assert verify() == (0, [])
    return execution


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE commands_transcriptchunk SET size = 4 WHERE sequence = 1",
        "DELETE FROM commands_transcriptchunk WHERE sequence = 2",
        "DELETE FROM commands_transcriptchunk",
        "UPDATE commands_transcriptchunk SET sequence = 3 - sequence",
        "UPDATE commands_transcriptchunk SET stream = 'ö'",
    ],
    ids=["edited", "deleted", "all-deleted", "swapped", "never-written"],
)
def test_transcript_that_is_not_what_was_recorded_is_named_by_its_exit(exit_with_transcript, statement):
    attack(statement)
    assert found() == [(1, "the")]
    assert f"transcript of execution {exit_with_transcript}" in verify()[1][0]


def test_only_the_first_bad_event_of_each_chain_is_named():
    write(8)
    write(8)
    sequence = "WHERE sequence IN (3, 6)"
    attack(f"UPDATE {EVENTS} SET actor = 'eve' {sequence}")
    assert found() == [(3, "edited"), (3, "edited")]


def test_one_chain_can_be_verified_alone():
    write(3)
    good = AuditEvent.objects.latest("id").chain_id
    write(3)
    bad = AuditEvent.objects.latest("id").chain_id
    attack(f"UPDATE {EVENTS} SET actor = 'eve' WHERE id = {ids()[4]}")
    assert verify("--chain", str(good)) == (0, [])
    assert verify("--chain", str(bad))[0] == 1


def test_chain_of_which_nothing_is_left_is_not_good():
    write(3)
    status, findings = verify("--chain", str(uuid.uuid4()))
    assert status == 1
    assert "nothing is known of it" in findings[0]


def test_anchors_of_several_files_are_all_compared(tmp_path):
    write(3)
    audit.record_now(kind="login", outcome=Outcome.OK, actor="ann")  # anchored elsewhere too, as the first of its chain
    middle = AuditEvent.objects.latest("id")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(anchors().read_text())
    for number in range(3):
        audit.record_now(kind="login", outcome=Outcome.OK, actor=f"user{number}")
    audit.writer.stop()
    Chain.objects.exclude(pk=middle.chain_id).delete()
    attack(f"DELETE FROM {EVENTS} WHERE id < {middle.pk}")
    reseal(1, epoch=0, actor="eve")
    # Whoever resealed has this machine, and its file tells what fits, in no order.
    events = AuditEvent.objects.order_by("-id").values_list("chain_id", "sequence", "mac")
    lines = [f"2026-01-01T00:00:00 {chain} {number} {bytes(mac).hex()}\n" for chain, number, mac in events]
    anchors().write_text("".join(lines))
    only = ("--chain", str(middle.chain_id))
    assert verify(*only) == (0, [])
    status, findings = verify(*only, "--anchors", str(anchors()), "--anchors", str(elsewhere))
    assert status == 1
    assert "sequence 1: not what was anchored" in findings[0]


@pytest.mark.parametrize("word", ["0", "-1", str(2**64), "1 00"])
def test_line_that_is_no_anchor_is_passed_over(word):
    write(2)
    chain, mac = AuditEvent.objects.latest("id").chain_id, "00" * 32
    with anchors().open("a") as file:
        file.write(f"2026-01-01T00:00:00 {chain} {word if ' ' in word else f'{word} {mac}'}\n")
    assert verify() == (0, [])
