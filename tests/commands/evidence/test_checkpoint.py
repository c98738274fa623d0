"""What retention lets go of is not missed, and nobody else can pass for retention."""

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from commands import audit
from commands.evidence import checkpoint
from commands.models import AuditEvent, Chain, TranscriptChunk
from commands.outcome import Outcome
from commands.transcript.chunk import Chunk
from commands.transcript.digest import digest
from tests.commands.evidence.conftest import anchors, attack, verify, write

pytestmark = pytest.mark.django_db(transaction=True)


def let_go(before) -> int:
    cut = checkpoint.plan(before)
    checkpoint.announce(cut)
    with transaction.atomic():
        attack()
        AuditEvent.objects.filter(at__lt=before)._raw_delete("default")
        return checkpoint.let_go(cut)


def test_chain_verifies_from_its_checkpoint():
    write(3)
    for number in range(6):
        audit.record_now(kind="login", outcome=Outcome.OK, actor=f"user{number}")
    middle = AuditEvent.objects.order_by("id")[6]
    assert let_go(middle.at) == 6
    audit.writer.stop()
    assert verify() == (0, [])
    chain = Chain.objects.get()  # the one of before is wholly gone
    assert (chain.first_sequence, AuditEvent.objects.order_by("id").first().sequence) == (4, 4)


def test_checkpoint_holds_for_later_ones():
    write(3)
    for number in range(6):
        audit.record_now(kind="login", outcome=Outcome.OK, actor=f"user{number}")
    events = list(AuditEvent.objects.order_by("id"))
    let_go(events[5].at)
    let_go(events[7].at)
    let_go(AuditEvent.objects.filter(outcome=checkpoint.OUTCOME).first().at + timedelta(microseconds=1))
    audit.writer.stop()
    assert verify() == (0, [])


def test_more_than_was_let_go_of_is_missed():
    write(8)
    events = list(AuditEvent.objects.order_by("id"))
    let_go(events[3].at)
    audit.writer.stop()
    Chain.objects.filter(pk=events[0].chain_id).update(first_sequence=6, first_mac=events[4].mac)
    attack(f"DELETE FROM commands_auditevent WHERE id <= {events[4].pk}")
    status, findings = verify()
    assert status == 1
    assert "sequence 5: deleted: no checkpoint" in findings[0]


def test_forged_checkpoint_is_not_believed():
    write(8)
    events = list(AuditEvent.objects.order_by("id"))
    write(1)
    point = checkpoint.Point(events[0].chain_id, 4, bytes(events[3].mac))
    Chain.objects.filter(pk=point.chain_id).update(first_sequence=5, first_mac=point.mac)
    attack(f"DELETE FROM commands_auditevent WHERE id <= {events[3].pk}")
    arguments = audit.encode_arguments((b"events", timezone.now().isoformat().encode(), bytes(point)))
    last = AuditEvent.objects.order_by("id").last()
    forged = AuditEvent(
        **{field.attname: getattr(last, field.attname) for field in AuditEvent._meta.concrete_fields}
        | {"id": None, "kind": "change", "outcome": checkpoint.OUTCOME, "arguments": arguments, "sequence": 2}
    )
    forged.save()
    _, findings = verify()
    assert any("sequence 4: deleted: no checkpoint" in finding for finding in findings)
    assert any("sequence 2: edited" in finding for finding in findings)


def test_event_that_should_be_gone_is_named():
    write(4)
    events = list(AuditEvent.objects.order_by("id").values())
    let_go(events[2]["at"])
    audit.writer.stop()
    AuditEvent(**events[0]).save()
    _, findings = verify()
    assert "sequence 1: inserted" in findings[0]


def test_hole_is_not_left():
    write(4)
    second = AuditEvent.objects.get(sequence=2)
    attack()
    AuditEvent._base_manager.filter(pk=second.pk)._raw_delete("default")
    with pytest.raises(ValueError, match="event 3 would go, and not 2 before it"):
        checkpoint.plan(timezone.now())


def test_transcripts_are_missed_unless_a_checkpoint_lets_go_of_them():
    execution, chunks = uuid.uuid4(), [Chunk(1, 5, "i", 3, b"add")]
    audit.record_now(kind="exit", outcome=Outcome.EXIT, execution_id=execution, transcript_digest=digest(chunks))
    at = AuditEvent.objects.get().at
    TranscriptChunk.objects.bulk_create(TranscriptChunk(execution_id=execution, at=at, **c._asdict()) for c in chunks)
    assert verify() == (0, [])
    attack("DELETE FROM commands_transcriptchunk")
    assert verify()[0] == 1
    checkpoint.announce_transcripts(at)  # those of before, not this one
    assert verify()[0] == 1
    checkpoint.announce_transcripts(timezone.now())
    assert verify() == (0, [])
    audit.writer.stop()
    attack("UPDATE commands_auditevent SET actor = 'eve' WHERE outcome = 'checkpoint'")
    assert any("not to be believed" in finding for finding in verify()[1])
    assert anchors().exists()


def test_chain_of_a_process_that_was_killed_is_forgotten_once_nothing_of_it_is_left():
    write(3)
    chain = Chain.objects.get()
    long_ago = AuditEvent.objects.order_by("id").first().at - timedelta(days=3)
    Chain.objects.update(ended_at=None, seen_at=long_ago)
    let_go(AuditEvent.objects.order_by("id").last().at)
    assert Chain.objects.filter(pk=chain.pk).exists()  # its last event is left
    let_go(timezone.now())
    assert not Chain.objects.filter(pk=chain.pk).exists()
    audit.writer.stop()
    assert verify() == (0, [])
