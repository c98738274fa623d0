"""Who may come in: clients that are not logged in yet, and connections of one user from one address.

All of it counts in this process alone.
"""

import logging
import secrets
from collections import Counter
from collections.abc import Callable

from django.conf import settings

from imapserver.addresses import source

logger = logging.getLogger(__name__)


class Place:
    """Something that a connection holds until `leave`, which may be called again."""

    def __init__(self, freed: Callable[[], None]) -> None:
        self._freed: Callable[[], None] | None = freed

    def leave(self) -> None:
        freed, self._freed = self._freed, None
        if freed is not None:
            freed()


class Slots:
    """Places for clients before login. OpenSSH's MaxStartups: from `start` on every new one may be dropped, at first
    `rate` of a hundred, all at `full`. So a flood meets a wall, and who is not part of it still has a chance."""

    def __init__(self, start: int, rate: int, full: int) -> None:
        self._start, self._rate, self._full = start, rate, full
        self._taken = 0
        self._dropped = 0

    def take(self) -> Place | None:
        """A place, or None: drop this client."""
        if secrets.randbelow(100) < self.drop_chance(self._taken):
            if not self._dropped:
                logger.warning("%d clients are logging in: some of the next are dropped", self._taken)
            self._dropped += 1
            return None
        self._taken += 1
        return Place(self._free)

    def drop_chance(self, taken: int) -> int:
        """In a hundred, with so many places taken."""
        if taken >= self._full:
            return 100
        if taken < self._start:
            return 0
        return self._rate + (100 - self._rate) * (taken - self._start) // (self._full - self._start)

    def _free(self) -> None:
        self._taken -= 1
        if self._dropped and self._taken < self._start:
            logger.warning("%d clients were dropped while others were logging in", self._dropped)
            self._dropped = 0


class UserPlaces:
    """Places for the connections of one user from one address."""

    def __init__(self) -> None:
        self._taken: Counter[tuple[int, str]] = Counter()

    def take(self, user_id: int, address: str) -> Place | None:
        """A place, or None: this user has as many connections from there as are allowed."""
        key = user_id, source(address)
        if self._taken[key] >= settings.IMAPX["CONNECTIONS_PER_USER_ADDRESS"]:
            return None
        self._taken[key] += 1
        return Place(lambda: self._free(key))

    def _free(self, key: tuple[int, str]) -> None:
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]


user_places = UserPlaces()
"""Of this process."""
