"""What others want of what runs here: that it ends, or that it is shown. Found in the database, as revocation is.

Nothing has to arrive from anywhere: it works without a channel layer, and for any process that shares the database.
"""

import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol

from django.db.models.functions import Now

from commands import audit
from commands.live.rounds import Rounds
from commands.models import EndRequest, Watcher

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.3
"""From one look to the next: under a second together with the time to end (running.REVOKED_GRACE_SECONDS)."""

WATCHER_UNSEEN = timedelta(seconds=30)
"""After that a watcher is gone. Three times what it may let pass (watching.watch)."""


class Wanted(NamedTuple):
    """Somebody wants this to end."""

    target: uuid.UUID
    reason: str
    made_by: str

    @property
    def why(self) -> str:
        """For the record."""
        return f"by {self.made_by}: {self.reason}"


class Target(Protocol):
    """Something of this process that may be ended."""

    def end(self, wanted: Wanted) -> None:
        """It may be called more than once, if the store is away in between."""

    def record_end(self, wanted: Wanted) -> None:
        """A unit of the writer, run once: record that it was ended, if nothing else does."""

    def show(self, channels: frozenset[str]) -> None:
        """To these from now on, and to no other. Called only for what is `watchable`."""


Work = Callable[[Mapping[uuid.UUID, Any]], None]
"""A unit of the writer for many at once, by their keys."""


@dataclass(slots=True)
class _Found:
    wanted: list[Wanted] = field(default_factory=list)
    watched: Mapping[uuid.UUID, frozenset[str]] = field(default_factory=dict)


class Look:
    """Looks while there is something that may be ended."""

    def __init__(self, look_seconds: float = LOOK_SECONDS) -> None:
        self.targets: dict[uuid.UUID, Target] = {}
        self.watchable: set[uuid.UUID] = set()
        """Those of the targets that can be shown."""
        self._shown: frozenset[uuid.UUID] = frozenset()
        self._ended: dict[uuid.UUID, tuple[Wanted, Target]] = {}
        """Whose request is still there."""
        self._work: dict[Work, dict[uuid.UUID, Any]] = {}
        self._rounds = Rounds(look_seconds, self._is_needed, self._look)
        self.wake = self._rounds.wake
        """To be called when there is a first target, or something to do."""
        self._is_away = False
        """Whether the last look has failed."""

    def do(self, work: Work, key: uuid.UUID, item: Any = None) -> None:
        """Have it done with the next look, or with a later one if the store is away. For a key that waits for the same
        work already, the later item counts."""
        self._work.setdefault(work, {})[key] = item
        self.wake()

    def leave(self, work: Work, key: uuid.UUID) -> None:
        """Don't do it any more, if it is not done."""
        self._work.get(work, {}).pop(key, None)

    async def finish(self) -> None:
        """Do now what is still to be done; for the end of a server."""
        await self._rounds.settle()
        try:
            await self._do_work()
        except audit.StoreUnavailable:
            logger.warning("What is left of this process among what goes on is not deleted", exc_info=True)

    def _is_needed(self) -> bool:
        return bool(self.targets or self._ended or any(self._work.values()))

    async def _look(self) -> None:
        try:
            found = await audit.writer.submit(partial(_find, has_watchable=bool(self.watchable)))
            for wanted in found.wanted:
                self._end(wanted)
            self._show(found.watched)
            await self._do_work()
        except Exception:  # an edge: whatever is wrong, what runs must not depend on it
            if not self._is_away:
                logger.exception("What is to be ended or shown can't be found out now")
            self._is_away = True
        else:
            self._is_away = False

    async def _do_work(self) -> None:
        work, ended = {each: dict(items) for each, items in self._work.items() if items}, dict(self._ended)
        if not work and not ended:
            return
        await audit.writer.submit(partial(_do, work, ended.values()))
        for each, items in work.items():
            for key, item in items.items():
                if self._work[each].get(key, self) is item:
                    del self._work[each][key]
        for target in ended:
            del self._ended[target]

    def _end(self, wanted: Wanted) -> None:
        target = self.targets.get(wanted.target)
        if target is None or wanted.target in self._ended:
            return
        self._ended[wanted.target] = (wanted, target)
        try:
            target.end(wanted)
        except Exception:  # one that can't be ended must not keep the others from it
            logger.exception("%s could not be ended: %s", wanted.target, wanted.why)

    def _show(self, watched: Mapping[uuid.UUID, frozenset[str]]) -> None:
        here = frozenset(watched.keys() & self.watchable)
        for key in here | (self._shown & self.watchable):
            try:
                self.targets[key].show(watched.get(key, frozenset()))
            except Exception:  # as above
                logger.exception("%s can't be shown", key)
        self._shown = here


def _find(has_watchable: bool) -> _Found:
    """A unit of the writer, which writes nothing."""
    found = _Found([Wanted(*row) for row in EndRequest.objects.values_list("target", "reason", "made_by")])
    if has_watchable:
        watchers: defaultdict[uuid.UUID, set[str]] = defaultdict(set)
        alive = Watcher.objects.filter(seen_at__gte=Now() - WATCHER_UNSEEN)
        for key, channel in alive.values_list("execution_id", "channel"):
            watchers[key].add(channel)
        found.watched = {key: frozenset(channels) for key, channels in watchers.items()}
    return found


def _do(work: Mapping[Work, Mapping[uuid.UUID, Any]], ended: Iterable[tuple[Wanted, Target]]) -> None:
    """A unit of the writer."""
    for each, items in work.items():
        each(items)
    for wanted, target in ended:
        # Only who still finds it records it: an earlier try may have come through after its time-out.
        if EndRequest.objects.filter(pk=wanted.target).delete()[0]:
            target.record_end(wanted)


look = Look()
"""Of this process."""
