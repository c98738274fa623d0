"""What retention lets go of, told in the record itself: else whoever deletes old events could call it retention."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from commands import audit
from commands.models import AuditEvent, Chain

OUTCOME = "checkpoint"
TRANSCRIPTS = "transcripts"

_CHUNK = 10_000


class Hole(ValueError):
    """These events can't go, since one would whose chain has an earlier one that stays. An earlier bound may do."""

    def __init__(self, text: str, at: datetime) -> None:
        super().__init__(text)
        self.at = at
        """Of that event: no later bound will do."""


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
    """Of all chains, at one moment. `count` events lie before it. The chains `over` have nothing after it."""

    before: datetime
    points: tuple[Point, ...]
    count: int
    over: frozenset[uuid.UUID]


def plan(before: datetime) -> Cut:
    """Where each chain is cut, if the events with `at` < `before` go. Reads all of these, once.

    Raises Hole if they are not each chain's first ones, as after the clock was set back."""
    chains = list(Chain.objects.all())
    firsts = {chain.pk: (chain.first_sequence - 1, bytes(chain.first_mac)) for chain in chains}
    count = 0
    events = AuditEvent.objects.filter(at__lt=before, sequence__isnull=False).order_by("id")
    for chain_id, sequence, mac, at in events.values_list("chain_id", "sequence", "mac", "at").iterator(_CHUNK):
        if chain_id is None or mac is None:
            raise Hole("events that are not sealed would go: verifyaudit names them", at)
        expected = firsts.get(chain_id, (0, b""))[0] + 1
        if sequence != expected:
            raise Hole(f"chain {chain_id}: event {sequence} would go, and not {expected} before it", at)
        firsts[chain_id] = (sequence, bytes(mac))
        count += 1
    points = (Point(chain_id, sequence, mac) for chain_id, (sequence, mac) in firsts.items() if sequence)
    return Cut(before, tuple(points), count, _over(chains, before))


def _over(chains: Iterable[Chain], before: datetime) -> frozenset[uuid.UUID]:
    """The chain of a process that was killed has no end: not to have been seen for a day is as good."""
    unseen = min(before, timezone.now() - timedelta(days=1))
    done = {
        chain.pk: chain.ended_at
        for chain in chains
        if (chain.seen_at < unseen if chain.ended_at is None else chain.ended_at < before)
    }
    rest = AuditEvent.objects.filter(at__gte=before, chain_id__in=done).order_by()
    if None not in done.values():
        # Bounded, since nothing finds the events of a chain fast: none is later than its end, but for a clock set back.
        rest = rest.filter(at__lte=before + timedelta(days=1))
    return frozenset(done) - set(rest.values_list("chain_id", flat=True).distinct()) if done else frozenset()


def announce(cut: Cut) -> None:
    """Record it; to be called before anything is deleted, outside of a transaction. Raises StoreUnavailable."""
    _record("events", cut.before, map(bytes, cut.points))


def let_go(cut: Cut) -> int:
    """Let verifying begin after the cut, in the transaction that deletes what is before it. Returns the events' number.

    A chain that is over is forgotten."""
    for point in cut.points:
        chain = Chain.objects.filter(pk=point.chain_id)
        if point.chain_id in cut.over:
            chain.delete()
        else:
            chain.update(first_sequence=point.sequence + 1, first_mac=point.mac)
    return cut.count


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
