"""The map and the users and rules that were asked for under its revision, kept until the revision changes."""

import threading
from collections.abc import Collection
from dataclasses import dataclass

from commands.policy import RuleSet, Subject
from commands.rows import revision
from commands.rulebook.rules import RulesByKey, load_common_rules, load_rules
from commands.rulebook.snapshot import TRIES, hold_revision, load_snapshot, load_subjects, read_revision
from commands.verbmap import Snapshot

# What a process may keep of them, at some 1 KiB each; past it all is read anew as it is asked for.
MAX_RULES = 50_000
MAX_USERS = 10_000


@dataclass(frozen=True, slots=True)
class Party:
    """A user at one revision. `subject` is None if it is not there or not active; `rules` are all that speak of it."""

    snapshot: Snapshot
    subject: Subject | None
    rules: RuleSet


class KnownMap:
    """One revision of the map, with the users that have asked for something under it.

    Users, groups and rules count in the revision too, so what concerns a user is read once in each.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._common: RuleSet | None = None
        self._parties: dict[int, Party] = {}
        self._rules: RulesByKey = {}

    def parties(self, user_ids: Collection[int]) -> dict[int, Party] | None:
        """Each of the users, at this revision; None: it has changed meanwhile."""
        missing = {user_id for user_id in user_ids if user_id not in self._parties}
        known = {user_id: self._parties[user_id] for user_id in user_ids if user_id not in missing}
        if not missing:
            return known
        subjects = load_subjects(missing)
        if self._common is None:
            self._common = load_common_rules()
        rules = load_rules(*subjects.values(), common=self._common, known=self._rules)
        # Under READ COMMITTED each query sees its own state, which may be that of a later revision.
        if read_revision() != self.snapshot.revision:
            return None
        if len(self._parties) + len(missing) > MAX_USERS or len(self._rules) > MAX_RULES:
            self._parties, self._rules = {}, {}
        new = {user_id: Party(self.snapshot, subjects.get(user_id), rules) for user_id in missing}
        # Nobody else is kept: a user who is new to the database is no change of the map.
        self._parties |= {user_id: party for user_id, party in new.items() if party.subject is not None}
        return known | new


class Known(threading.local):
    """The newest map that this thread has seen. Only the writer's asks, so it needs no lock."""

    _map: KnownMap | None = None

    def snapshot(self) -> Snapshot:
        """The map as it is now: the revision is read each time."""
        return self._current().snapshot

    def party(self, user_id: int) -> Party:
        """A user with its rules, and the map, as all is now."""
        return self.parties((user_id,))[user_id]

    def parties(self, user_ids: Collection[int]) -> dict[int, Party]:
        """As `party`, for many at once: as many queries as for one."""
        tries = 1
        while (found := self._current().parties(user_ids)) is None:
            if tries == TRIES:
                hold_revision()
            tries += 1
        return found

    def _current(self) -> KnownMap:
        if self._map is None or self._map.snapshot.revision != revision():
            self._map = KnownMap(load_snapshot())
        return self._map
