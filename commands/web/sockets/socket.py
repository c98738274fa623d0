"""What our WebSockets have in common: JSON in small messages, from somebody who may, and only while they may."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from django.conf import settings
from django.contrib.auth.models import User

from commands.web.whose import user_of

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often session and rights are looked at while it is open."""

PATIENCE_SECONDS = 30.0
"""So long a database that is stuck leaves it open: what it might say may be that the right is gone."""

MESSAGE_CHARACTERS = 64 * 1024

# RFC 6455 section 7.4: 4000 to 4999 are an application's own; these are HTTP's numbers.
BAD, FORBIDDEN, TOO_MUCH = 4400, 4403, 4429

MESSAGES_PER_SECOND = 100

PER_USER = 20
"""That a user may have open in one process: more windows than a person looks at, each with its questions to the
database."""

_open: Counter[int] = Counter()
"""How many there are, by user."""


class PageSocket(AsyncConsumer):
    """Subclasses name `permissions`, and have `opened`, `received` and, for what they own, `closed`.

    None of the three may take long: what does is a task that `closed` ends."""

    permissions: Sequence[str] = ()
    staff_only = True
    channel_layer_alias: str | None = None  # where Redis is the layer and away, only those that need it are ended
    user: User
    _looking: asyncio.Task[None] | None = None
    """While it is open."""
    _second = 0.0
    _messages = 0
    _is_closing = False
    _is_counted = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._is_counted:
                _open[self.user.pk] -= 1
            if self._looking is not None:
                self._looking.cancel()
                self._looking = None
                await self.closed()

    # For subclasses

    async def opened(self) -> None:
        """It is accepted."""

    async def received(self, message: Mapping[str, Any]) -> None:
        """A JSON object came."""

    async def closed(self) -> None:
        """It is gone. Called once if `opened` was."""

    def may(self, user: User) -> bool:
        """Whether the user has the rights. Reads the database; asked again and again."""
        return user.has_perms(self.permissions)

    async def looked(self) -> None:
        """It was found that `user`, who is as the database has them now, still may."""

    async def still_may(self) -> bool:
        """Ask now whether the user still may. Closes it if not."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                user = await self._user_now()
            if user is not None:
                self.user = user
                await self.looked()
                return True
        except Exception:  # whatever it is: who can't be asked about may not
            logger.warning("Whether a page's user still may can't be found out", exc_info=True)
        await self.close(FORBIDDEN)
        return False

    async def tell(self, **message: Any) -> None:
        """Send a JSON object. What is sent to one that is gone is dropped."""
        if self._looking is not None and not self._is_closing:
            await self.send({"type": "websocket.send", "text": json.dumps(message)})

    async def close(self, code: int) -> None:
        if not self._is_closing:
            self._is_closing = True
            await self.send({"type": "websocket.close", "code": code})

    # Messages of ASGI

    async def websocket_connect(self, message: Any) -> None:
        user = await self._user_now()
        if user is None:
            await self.close(FORBIDDEN)  # before it is accepted: HTTP's 403
            raise StopConsumer
        if _open[user.pk] >= PER_USER:
            await self.close(TOO_MUCH)
            raise StopConsumer
        self.user = user
        self._is_counted = True
        _open[user.pk] += 1
        await self.send({"type": "websocket.accept"})
        self._looking = asyncio.get_running_loop().create_task(self._look())
        await self.opened()

    async def websocket_receive(self, message: Any) -> None:
        text = message.get("text")
        if self._is_closing:
            return
        if not self._may_receive():
            await self.close(TOO_MUCH)
            return
        try:
            given = json.loads(text) if text is not None and len(text) <= MESSAGE_CHARACTERS else None
        except (ValueError, RecursionError):  # the latter: nested too deep
            given = None
        if isinstance(given, dict):
            await self.received(given)
        else:
            await self.close(BAD)

    async def websocket_disconnect(self, message: Any) -> None:
        raise StopConsumer

    def _may_receive(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._second >= 1:
            self._second, self._messages = now, 0
        self._messages += 1
        return self._messages <= MESSAGES_PER_SECOND

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not await self.still_may():
                return

    async def _user_now(self) -> User | None:
        cookies = self.scope.get("cookies", {})
        return await database_sync_to_async(self._user_who_may, thread_sensitive=False)(cookies)

    def _user_who_may(self, cookies: Mapping[str, str]) -> User | None:
        user = user_of(cookies.get(settings.SESSION_COOKIE_NAME))
        if user is None or (self.staff_only and not user.is_staff):
            return None
        return user if self.may(user) else None
