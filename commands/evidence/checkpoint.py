"""What retention lets go of, told in the record itself: else whoever deletes old events could call it retention."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from commands import audit
from commands.models import AuditEvent, Chain

OUTCOME = "checkpoint"
TRANSCRIPTS = "transcripts"

_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Point:
    """The last event of a chain that is let go of; verifying goes on after it."""

    chain_id: uuid.UUID
    sequence: int
    mac: bytes

    def __bytes__(self) -> bytes:
        return f"{self.chain_id} {self.sequence} {self.mac.hex()}".encode()


@dataclass(frozen=True, slots=True)
class Cut:
    """Of all chains, at one moment. `count` events lie before it."""

    before: datetime
    points: tuple[Point, ...]
    count: int


def plan(before: datetime) -> Cut:
    """Where each chain is cut, if the events with `at` < `before` go. Reads all of these, once.

    Raises ValueError if they are not each chain's first ones: after the clock was set back an earlier `before` may
    do, and a hole must not be left."""
    firsts = {chain.pk: (chain.first_sequence - 1, bytes(chain.first_mac)) for chain in Chain.objects.all()}
    count = 0
    events = AuditEvent.objects.filter(at__lt=before, sequence__isnull=False).order_by("id")
    for chain_id, sequence, mac in events.values_list("chain_id", "sequence", "mac").iterator(_CHUNK):
        if chain_id is None or mac is None:
            raise ValueError("events that are not sealed would go: verifyaudit names them")
        expected = firsts.get(chain_id, (0, b""))[0] + 1
        if sequence != expected:
            raise ValueError(f"chain {chain_id}: event {sequence} would go, and not {expected} before it")
        firsts[chain_id] = (sequence, bytes(mac))
        count += 1
    points = (Point(chain_id, sequence, mac) for chain_id, (sequence, mac) in firsts.items() if sequence)
    return Cut(before, tuple(points), count)


def announce(cut: Cut) -> None:
    """Record it; to be called before anything is deleted, outside of a transaction. Raises StoreUnavailable."""
    _record("events", cut.before, map(bytes, cut.points))


def let_go(cut: Cut) -> int:
    """Let verifying begin after the cut, in the transaction that deletes what is before it. Returns the events' number.

    A chain that has ended and has nothing after the cut is forgotten."""
    for point in cut.points:
        chain = Chain.objects.filter(pk=point.chain_id)
        if _is_over(chain.first(), cut.before):
            chain.delete()
        else:
            chain.update(first_sequence=point.sequence + 1, first_mac=point.mac)
    return cut.count


def _is_over(chain: Chain | None, before: datetime) -> bool:
    if chain is None or chain.ended_at is None or chain.ended_at >= before:
        return False
    # Bounded, since nothing finds the events of one chain fast: none is later than its end, but for a clock set back.
    rest = AuditEvent.objects.filter(at__gte=before, at__lte=chain.ended_at + timedelta(days=1), chain_id=chain.pk)
    return not rest.exists()


def announce_transcripts(before: datetime) -> None:
    """Record that the transcripts of executions that ended before this are let go of; before they are deleted.

    Raises StoreUnavailable."""
    _record(TRANSCRIPTS, before, ())


def _record(what: str, before: datetime, points: Iterable[bytes]) -> None:
    audit.record_now(
        kind=AuditEvent.Kind.CHANGE,
        outcome=OUTCOME,
        reason=f"{what} before {before.isoformat()} are let go of",
        arguments=(what.encode(), before.isoformat().encode(), *points),
    )
