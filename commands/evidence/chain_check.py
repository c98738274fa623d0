"""One chain, event by event in the order in which they were written: what is wrong with it first, if anything. Pure."""

import struct
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from commands.evidence import keys, seal
from commands.evidence.keyfile import Key


@dataclass(frozen=True, slots=True)
class Fault:
    sequence: int
    what: str


@dataclass(slots=True)
class Anchored:
    """What was anchored of a chain: 40 bytes each, since there is one for each minute."""

    sequences: "array[int]" = field(default_factory=lambda: array("Q"))
    macs: bytearray = field(default_factory=bytearray)
    at: str = ""
    """When the last one was."""

    def add(self, sequence: int, mac: bytes, at: str) -> None:
        self.sequences.append(sequence)
        self.macs += mac
        self.at = max(self.at, at)

    def sort(self) -> None:
        """By sequence, once all are there: each of several files begins anew."""
        order = sorted(range(len(self.sequences)), key=self.sequences.__getitem__)
        self.macs = bytearray().join(map(self.mac, order))
        self.sequences = array("Q", map(self.sequences.__getitem__, order))

    def mac(self, place: int) -> bytes:
        return bytes(self.macs[32 * place : 32 * place + 32])

    @property
    def last(self) -> int:
        return max(self.sequences, default=0)


class ChainCheck:
    """`add` each event, then ask for `fault`: the one with the lowest sequence number."""

    def __init__(
        self, chain_id: UUID, root: Key, near: Key, first: int, mac: bytes, anchored: Anchored, latest: int
    ) -> None:
        """Verifying begins with event `first`; `mac` is of the one before. `latest`: the last epoch that can be.

        `near` is the root's key of about the time when the chain began. `anchored` is sorted."""
        self.events = 0
        self._chain_id = chain_id
        self._root = root
        self._key = near
        self._chain_key = b""
        self._first, self._next, self._previous = first, first, mac
        self._has_previous = True
        self._epoch = 0
        self._latest = latest
        self._anchored = anchored
        self._place = 0
        self._missing: list[tuple[int, int]] = []  # from, to
        self._fault: Fault | None = None

    @property
    def is_good(self) -> bool:
        """So far."""
        return self._fault is None and not self._missing

    def add(self, event: Mapping[str, Any], tolerance: int) -> None:
        self.events += 1
        sequence, mac = event["sequence"], bytes(event["mac"])
        if sequence < self._next:
            self._add_late(sequence)
            return
        if sequence > self._next:
            self._missing.append((self._next, sequence - 1))
            self._has_previous = False
        if self._fault is None:
            self._check(event, sequence, mac, tolerance)
        self._compare_with_anchors(sequence, mac)
        self._next, self._previous, self._has_previous = sequence + 1, mac, True

    def fault(self) -> Fault | None:
        """When all were added."""
        for start, end in self._missing:
            self.note(start, f"deleted: {_numbers(start, end)} missing")
        last, anchored = self._next - 1, self._anchored.last
        if anchored > last:
            how = (
                f"truncated, or restored from a backup: it ends at {last}" if self.events else "deleted: all is missing"
            )
            self.note(last + 1, f"{how}, and {anchored} was anchored ({self._anchored.at})")
        elif not self.events and self._first == 1:
            self.note(1, "deleted: all of it is missing")
        return self._fault

    def note(self, sequence: int, what: str) -> None:
        if self._fault is None or sequence < self._fault.sequence:
            self._fault = Fault(sequence, what)

    def _add_late(self, sequence: int) -> None:
        for place, (start, end) in enumerate(self._missing):
            if start <= sequence <= end:
                parts = [(start, sequence - 1), (sequence + 1, end)]
                self._missing[place : place + 1] = [(low, high) for low, high in parts if low <= high]
                self.note(sequence, f"swapped: it comes after {self._next - 1}")
                return
        if sequence < self._first:
            self.note(sequence, f"inserted: retention has let go of all before {self._first}")
        else:
            self.note(sequence, "inserted: a second event has this number")

    def _check(self, event: Mapping[str, Any], sequence: int, mac: bytes, tolerance: int) -> None:
        epoch = event["epoch"]
        if epoch > self._latest:
            what = f"edited, or inserted: there has not been a key of epoch {epoch} yet"
            self.note(sequence, f"{what} (or the clock was set back: --tolerance)")
            return
        key = self._key_of(epoch)
        if self._has_previous:
            try:
                fields = seal.encode(event)
                expected = seal.seal(key, self._chain_id, sequence, epoch, self._previous, fields)
            except (ValueError, struct.error):  # what was never written by us: no address, a number below 0
                expected = b""
            if not seal.fits(mac, expected):
                self.note(sequence, "edited, or inserted: its seal does not fit")
                return
        if epoch < self._epoch:
            self.note(sequence, f"resealed: the key of epoch {epoch} comes after that of epoch {self._epoch}")
        due = keys.epoch_at(self._root.started, event["at"].timestamp())
        if epoch > due + tolerance:
            self.note(
                sequence,
                f"resealed: its key is of {epoch - due} hours after its time (or the clock was set back: --tolerance)",
            )
        self._epoch = max(epoch, self._epoch)

    def _key_of(self, epoch: int) -> bytes:
        if epoch != self._key.epoch or not self._chain_key:
            base = self._key if epoch >= self._key.epoch else self._root
            self._key = base.at(epoch)
            self._chain_key = keys.chain_key(self._key.key, self._chain_id)
        return self._chain_key

    def _compare_with_anchors(self, sequence: int, mac: bytes) -> None:
        sequences = self._anchored.sequences
        while self._place < len(sequences) and sequences[self._place] <= sequence:
            if sequences[self._place] == sequence and self._anchored.mac(self._place) != mac:
                self.note(
                    sequence,
                    "not what was anchored: the database was restored from a backup and went on, or it was resealed",
                )
            self._place += 1


def _numbers(start: int, end: int) -> str:
    return f"{start} is" if start == end else f"{start} to {end} are"
