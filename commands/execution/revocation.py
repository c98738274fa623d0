"""Ends what runs by a right that has been taken away: a lock, a rule, a user, a verb, a time that is over.

Each process looks for itself: the map's revision is read from the database, so nothing has to arrive from anywhere.
"""

import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from commands import audit, authorization
from commands.attempt import Accepted
from commands.live.rounds import Rounds
from commands.outcome import Outcome
from commands.rulebook.snapshot import read_revision

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.3
"""From one look to the next: under a second together with the time to end (running.REVOKED_GRACE_SECONDS)."""

TIMES_SECONDS = 1.0
"""How often it is asked whether a time is over, where nothing else has changed."""

AWAY_SECONDS = 30.0
"""How long executions may go on while nobody can know whether they still may: sudo, too, ends what it can't log."""

End = Callable[[Outcome, str], None]
"""Ends one execution: how it came out, and why, for the record."""


@dataclass(slots=True)
class _Watched:
    accepted: Accepted
    end: End
    revision: int
    """The last one under which it was found to be allowed."""


class Watch:
    """Looks while executions run."""

    def __init__(self, look_seconds: float = LOOK_SECONDS, away_seconds: float = AWAY_SECONDS) -> None:
        self._look_seconds = look_seconds
        self._away_seconds = away_seconds
        self._watched: dict[uuid.UUID, _Watched] = {}
        self._rounds = Rounds(look_seconds, lambda: bool(self._watched), self._look, self._before_look)
        self._looked = 0.0
        """When the database answered last, or the first of these executions began. time.monotonic()"""
        self._times_looked = 0.0
        self._is_away = False
        """Whether the last look has failed."""

    @contextlib.contextmanager
    def over(self, accepted: Accepted, end: End) -> Iterator[None]:
        """Call `end` if this execution, while it is in here, may not go on. It may be called more than once."""
        if not self._watched:
            self._looked = self._times_looked = time.monotonic()
            self._is_away = False
        self._watched[accepted.execution_id] = _Watched(accepted, end, accepted.revision)
        self._rounds.wake()
        try:
            yield
        finally:
            del self._watched[accepted.execution_id]

    def _before_look(self) -> None:
        if self._is_away:
            self._give_up_in_time()

    async def _look(self) -> None:
        now = time.monotonic()
        times = now - self._times_looked >= TIMES_SECONDS
        watched = list(self._watched.values())
        known = [(each.accepted, each.revision) for each in watched]
        try:
            revision, revoked = await audit.writer.submit(lambda: _reconsider(known, times))
        except Exception:  # whatever it is: "could not decide" must not come to mean "allowed"
            if not self._is_away:
                logger.exception("Whether what runs still may can't be found out; it is tried again")
            self._is_away = True
            return
        self._looked, self._is_away = now, False
        if times:
            self._times_looked = now
        for each in watched:
            each.revision = revision
            if (reason := revoked.get(each.accepted.execution_id)) is not None:
                _end(each, Outcome.REVOKED, reason)

    def _give_up_in_time(self) -> None:
        seconds = time.monotonic() - self._looked
        if seconds > self._away_seconds - self._look_seconds:
            for each in list(self._watched.values()):
                _end(each, Outcome.AUDIT_LOST, f"the record could not be reached for {seconds:.0f} s")


def _end(watched: _Watched, outcome: Outcome, reason: str) -> None:
    try:
        watched.end(outcome, reason)
    except Exception:  # one that can't be ended must not keep the others from it
        logger.exception("Execution %s could not be ended: %s", watched.accepted.execution_id, outcome)


def _reconsider(known: Sequence[tuple[Accepted, int]], times: bool) -> tuple[int, dict[uuid.UUID, str]]:
    """A unit of the writer: the map's revision, and which are allowed no longer. `known`: each with the last revision
    under which it was; with `times` all are looked at, else those of another revision than today's."""
    revision = read_revision()  # before all else: what changes after it is looked at once more
    stale = [accepted for accepted, seen in known if times or seen != revision]
    return revision, authorization.reconsider(stale) if stale else {}


watch = Watch()
"""Of this process."""
