"""All chains against their seals, the anchors and the transcripts, in one pass over the events in constant memory."""

import struct
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from commands.audit_text import decode_arguments
from commands.evidence import keys, seal
from commands.evidence.anchors import Anchor
from commands.evidence.chain_check import Anchored, ChainCheck, Fault
from commands.evidence.checkpoint import OUTCOME, TRANSCRIPTS
from commands.evidence.keyfile import Key
from commands.models import AuditEvent, Chain
from commands.transcript.digest import digest
from commands.transcript.reading import read_chunks

COLUMNS = (*seal.FIELDS, "id", "chain_id", "sequence", "epoch", "mac")
AT_ONCE = 2000
PROGRESS_EVENTS = 100_000


class Unreadable(Exception):
    """There are values in the record that the server can't have written, so that what follows can't be read."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`chain` is None for what belongs to none."""

    chain: uuid.UUID | None
    node: str
    fault: Fault

    def __str__(self) -> str:
        if self.chain is None:
            return self.fault.what
        return f"chain {self.chain} ({self.node}): sequence {self.fault.sequence}: {self.fault.what}"


@dataclass(slots=True)
class Report:
    chains: int = 0
    events: int = 0
    transcripts: int = 0
    findings: list[Finding] = field(default_factory=list)


class Verifier:
    """`roots`: the verification keys that are at hand. `only`: one chain. `tolerance`: hours, see `ChainCheck.add`."""

    def __init__(
        self,
        roots: Sequence[Key],
        anchors: Iterator[Anchor],
        only: uuid.UUID | None = None,
        tolerance: int = 2,
        progress: Callable[[int], None] = lambda events: None,
    ) -> None:
        self._roots = {root.name: root for root in roots}
        self._near: dict[str, Key] = {}
        self._only = only
        self._tolerance = tolerance
        self._progress = progress
        self._report = Report()
        self._anchored: dict[uuid.UUID, Anchored] = {}
        for anchor in anchors:  # before the events are read: what is anchored is committed
            self._anchored.setdefault(anchor.chain_id, Anchored()).add(anchor.sequence, anchor.mac, anchor.at)
        for anchored in self._anchored.values():
            anchored.sort()
        self._checks: dict[uuid.UUID, ChainCheck] = {}
        self._chains: dict[uuid.UUID, Chain] = {}
        self._unsealed = 0
        self._vouched: set[bytes] = set()
        self._let_go: dict[uuid.UUID, int] = {}
        self._let_go_before: datetime | None = None
        self._transcripts_before: datetime | None = None
        self._vouched_transcripts: set[datetime] = set()
        self._relied_on_transcripts = False

    def run(self) -> Report:
        """Raises Unreadable."""
        with _snapshot():
            self._chains = {chain.pk: chain for chain in Chain.objects.all()}
            self._transcripts_before = _transcripts_let_go()
            for chain in sorted(self._chains.values(), key=lambda chain: chain.epoch):
                self._begin(chain)
            self._read()
        self._conclude()
        return self._report

    def _read(self) -> None:
        events = AuditEvent.objects.order_by("id").values_list(*COLUMNS).iterator(AT_ONCE)
        event: Mapping[str, Any] = {"id": 0}
        try:
            for number, values in enumerate(events, 1):
                event = dict(zip(COLUMNS, values, strict=True))
                self._add(event)
                if number % PROGRESS_EVENTS == 0:
                    self._progress(number)
        except (TypeError, ValueError) as error:
            raise Unreadable(f"at event {event['id']} or in the {AT_ONCE} after it: {error}") from error

    def _begin(self, chain: Chain) -> None:
        root = self._roots.get(chain.key_id)
        if self._only not in (None, chain.pk):
            return
        if root is None:
            self._find(chain.pk, chain.first_sequence, f"not verified: key {chain.key_id} was not given (--key FILE)")
            return
        latest = keys.epoch_at(root.started, time.time()) + self._tolerance
        # From that of the chain before: from the root each would take a tenth of a second for some years.
        near = self._near[root.name] = self._near.get(root.name, root).at(min(chain.epoch, latest))
        anchored = self._anchored.get(chain.pk, Anchored())
        first, mac = chain.first_sequence, bytes(chain.first_mac)
        self._checks[chain.pk] = ChainCheck(chain.pk, root, near, first, mac, anchored, latest)

    def _add(self, event: Mapping[str, Any]) -> None:
        chain_id = event["chain_id"]
        if self._only not in (None, chain_id):
            return
        self._report.events += 1
        if None in (chain_id, event["sequence"], event["epoch"], event["mac"]):
            if not self._unsealed:
                what = f"event {event['id']} of {event['at']:%Y-%m-%d %H:%M:%S} ({event['kind']}) is not sealed"
                self._find(None, 0, f"unsealed: {what}")
            self._unsealed += 1
            return
        check = self._checks.get(chain_id)
        if check is None:
            if chain_id not in self._chains:
                self._chains[chain_id] = Chain(id=chain_id, node=event["node"])
                self._find(chain_id, event["sequence"], "not verified: the table of chains does not know it")
            return
        check.add(event, self._tolerance)
        if check.is_good:
            if event["outcome"] == OUTCOME:
                self._take_checkpoint(event)
            elif event["transcript_digest"] is not None:
                self._check_transcript(check, event)

    def _take_checkpoint(self, event: Mapping[str, Any]) -> None:
        what, before, *points = (
            bytes(each) for each in decode_arguments(event["arguments"]) if isinstance(each, bytes)
        )
        moment = datetime.fromisoformat(before.decode())
        if what == TRANSCRIPTS.encode():
            self._vouched_transcripts.add(moment)
            return
        self._vouched.update(points)
        for point in points:
            chain_id, sequence, _ = point.decode().split()
            self._let_go[uuid.UUID(chain_id)] = int(sequence)
        self._let_go_before = max(self._let_go_before or moment, moment)

    def _check_transcript(self, check: ChainCheck, event: Mapping[str, Any]) -> None:
        if self._transcripts_before is not None and event["at"] < self._transcripts_before:
            self._relied_on_transcripts = True
            return
        self._report.transcripts += 1
        execution = event["execution_id"]
        try:
            found = digest(read_chunks(execution))
        except (ValueError, struct.error):  # what was never written by us: a letter beyond ASCII, a number below 0
            found = b""
        if found != bytes(event["transcript_digest"]):
            check.note(event["sequence"], f"the transcript of execution {execution} is not the one that was recorded")

    def _conclude(self) -> None:
        for chain_id, check in self._checks.items():
            chain = self._chains[chain_id]
            point = f"{chain_id} {chain.first_sequence - 1} {bytes(chain.first_mac).hex()}".encode()
            if chain.first_sequence > 1 and point not in self._vouched and self._only is None:
                what = "deleted: no checkpoint says that what was before it may be missing"
                check.note(chain.first_sequence - 1, what)
            if fault := check.fault():
                self._find(chain_id, fault.sequence, fault.what)
        self._report.chains = len(self._checks)
        let_go_before = self._let_go_before.astimezone(UTC).isoformat() if self._let_go_before else ""
        for chain_id, anchored in self._anchored.items():
            # By this checkpoint, or, as its time says, by one that has been let go of itself.
            let_go = self._let_go.get(chain_id, 0) >= anchored.last or anchored.at < let_go_before
            if chain_id not in self._chains and not let_go and self._only in (None, chain_id):
                what = f"the whole chain is missing, and {anchored.last} was anchored ({anchored.at})"
                self._find(chain_id, 1, f"deleted, or restored from a backup: {what}")
        believed = self._only is not None or self._transcripts_before in self._vouched_transcripts
        if self._relied_on_transcripts and not believed:
            self._find(None, 0, "transcripts are missing, and the checkpoint that says so is not to be believed")
        if self._unsealed > 1:
            self._find(None, 0, f"unsealed: {self._unsealed} events in all")
        if self._only is not None and not (self._report.events or self._report.findings):
            self._find(self._only, 1, "nothing is known of it: neither events nor anchors")

    def _find(self, chain_id: uuid.UUID | None, sequence: int, what: str) -> None:
        chain = self._chains.get(chain_id) if chain_id is not None else None
        node = chain.node if chain is not None else "unknown"
        self._report.findings.append(Finding(chain_id, node, Fault(sequence, what)))


def _transcripts_let_go() -> datetime | None:
    """As the record says; whether that is to be believed is known at the end."""
    moments = []
    for arguments in AuditEvent.objects.filter(outcome=OUTCOME).values_list("arguments", flat=True):
        try:
            what, before, *_ = _arguments(arguments)
            if what == TRANSCRIPTS.encode():
                moments.append(datetime.fromisoformat(before.decode()))
        except ValueError:  # whoever wrote it, the verdict on it comes with its seal
            continue
    return max(moments, default=None)


def _arguments(encoded: bytes | memoryview) -> list[bytes]:
    return [each for each in decode_arguments(encoded) if isinstance(each, bytes)]


@contextmanager
def _snapshot() -> Iterator[None]:
    """The database as it is at one moment, without keeping the writers of a living server from it."""
    if connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")  # as Django begins them, they would lock the writers out
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
