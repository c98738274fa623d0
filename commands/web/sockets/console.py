"""The WebSockets of terminals on pages: the console, and trying a verb as another user."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from commands.execution.environment import prepare_process
from commands.models import Lock
from commands.web.console.console import Console
from commands.web.console.sitting import Sitting
from commands.web.console.trying import Trying
from commands.web.console.whence import whence
from commands.web.sockets.socket import BAD, PageSocket

prepare_once = cache(prepare_process)
"""runimap has done so before; a bare daphne has not."""


BEGINNING = ("line", "run")
"""What a page says to have something run."""


class TerminalSocket(PageSocket):
    """What runs ends with the socket, and with the right to it."""

    _sitting: Sitting | None = None

    def sit(self) -> Sitting:
        raise NotImplementedError

    async def opened(self) -> None:
        prepare_once()
        self._sitting = self.sit()
        await self._sitting.opened()

    async def received(self, message: Mapping[str, Any]) -> None:
        if self._sitting is None:
            return
        # At the latest moment: what begins is not undone by its being ended two seconds later.
        if message.get("do") in BEGINNING and not await self.still_may():
            return
        try:
            await self._sitting.take(message)
        except ValueError:
            await self.close(BAD)

    async def looked(self) -> None:
        if self._sitting is not None:
            self._sitting.user = self.user

    async def close(self, code: int) -> None:
        if self._sitting is not None:
            self._sitting.abandon()  # now: a browser may take its time to answer that it is closed
        await super().close(code)

    async def closed(self) -> None:
        if self._sitting is not None:
            await self._sitting.leave()


class ConsoleSocket(TerminalSocket):
    """For all staff: each runs what the rules allow them."""

    def sit(self) -> Sitting:
        return Console(self.user, whence(self.scope), self.tell)


class TrySocket(TerminalSocket):
    def may(self, user: User) -> bool:
        return may_try(user)

    def sit(self) -> Sitting:
        return Trying(self.user, whence(self.scope), self.tell, self.scope["url_route"]["kwargs"]["verb_id"])


def may_try(user: User) -> bool:
    """Nobody who is locked: to run a verb as somebody else would be a way around. Reads the database."""
    if not user.has_perms(("commands.view_verb", "commands.try_verb")):
        return False
    return not Lock.objects.filter(Q(until=None) | Q(until__gt=timezone.now()), user=user).exists()
