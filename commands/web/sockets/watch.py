"""The socket of the watch page: what goes into an execution and comes out of it, as it happens."""

import asyncio
import base64
import contextlib
import itertools
import logging
import uuid
from collections.abc import Mapping
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from channels.db import database_sync_to_async

from commands import channel_layer
from commands.audit import StoreUnavailable
from commands.live import watching
from commands.models import Execution
from commands.web import watchtoken
from commands.web.sockets.socket import BAD, FORBIDDEN, PageSocket

logger = logging.getLogger(__name__)

TOKEN_SECONDS = 10.0

LOOK_SECONDS = 2.0
"""How often it is looked whether it has ended: whoever ran it may be gone without a word."""

LOOKS_PER_WATCH = 5  # a watcher that is not seen for a while is taken for gone

NOT_FOUND, TRY_AGAIN = 4404, 4503  # as in socket.py

UNDERWAY_BYTES = 256 * 1024
"""What a page may have got without having said that it shows it. What comes then it does not get."""

End = tuple[str, int | None]

RUNS: End = ("", None)


class WatchSocket(PageSocket):
    """The page says `{"token"}` first, then `{"shown": n}` for the bytes that it has shown.

    It is told `{"type": "watching", "anew": true}` when it begins, the same with `false` as a sign of life, and pieces:
    `{"type": "piece", "offset", "stream", "data", "skipped"}`, data in base64, offset in microseconds, skipped the
    bytes that were left out before it; at last `{"type": "ended", "outcome", "code", "reason", "skipped"}`."""

    permissions = ("commands.view_execution", "commands.watch_execution")
    channel_layer_alias = DEFAULT_CHANNEL_LAYER
    _token: asyncio.Future[Any]
    _watching: asyncio.Task[None]
    _is_watched = False
    _is_shown = False
    _skipped = 0
    _underway = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except channel_layer.failures() as error:
            logger.warning("A page watches no longer, since the channel layer is away: %s", error)
            await send({"type": "websocket.close", "code": TRY_AGAIN})

    @property
    def _execution_id(self) -> uuid.UUID:
        key: uuid.UUID = self.scope["url_route"]["kwargs"]["execution_id"]
        return key

    # Of PageSocket

    async def opened(self) -> None:
        loop = asyncio.get_running_loop()
        self._token = loop.create_future()
        self._watching = loop.create_task(self._watch_or_close())

    async def received(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"token": token} if not self._token.done():
                self._token.set_result(token)
            case {"shown": int(number)} if number >= 0:
                self._underway = max(0, self._underway - number)
            case _:
                await self.close(BAD)

    async def closed(self) -> None:
        self._watching.cancel()
        await asyncio.wait([self._watching])
        if self._is_watched:
            with contextlib.suppress(StoreUnavailable):  # it is taken for gone after a while
                await watching.unwatch(self.channel_name)

    # Messages of the channel layer

    async def execution_shown(self, message: Mapping[str, Any]) -> None:
        self._is_shown = True
        await self.tell(type="watching", anew=True)

    async def execution_piece(self, message: Mapping[str, Any]) -> None:
        data = message["data"]
        self._skipped += message["skipped"]
        if self._underway + len(data) > UNDERWAY_BYTES:
            self._skipped += len(data)
            return
        self._underway += len(data)
        await self.tell(
            type="piece",
            offset=message["offset"],
            stream=message["stream"],
            data=base64.b64encode(data).decode("ascii"),
            skipped=self._take_skipped(),
        )

    async def execution_ended(self, message: Mapping[str, Any]) -> None:
        await self._tell_end(message["outcome"], message["code"], message["reason"])

    async def _tell_end(self, outcome: str, code: int | None, reason: str) -> None:
        await self.tell(type="ended", outcome=outcome, code=code, reason=reason, skipped=self._take_skipped())
        await self.close(1000)

    def _take_skipped(self) -> int:
        skipped, self._skipped = self._skipped, 0
        return skipped

    # Its task

    async def _watch_or_close(self) -> None:
        try:
            await self._watch()
        except Exception:  # else the page would take silence for a program that says nothing
            logger.warning("A page watches no longer", exc_info=True)
            await self.close(TRY_AGAIN)

    async def _watch(self) -> None:
        token = None
        with contextlib.suppress(TimeoutError):
            token = await asyncio.wait_for(self._token, TOKEN_SECONDS)
        if not watchtoken.is_good(token, self._execution_id, self.user.pk):
            await self.close(FORBIDDEN)
            return
        end = await self._ask()
        if end == RUNS:
            end = await self._watch_to_end()
        if end is None:
            await self.close(NOT_FOUND)
        else:
            await self._tell_end(*end, reason="")

    async def _watch_to_end(self) -> End | None:
        """What the process that runs it says of its end comes first, if it comes."""
        for looks in itertools.count():
            if looks % LOOKS_PER_WATCH == 0:
                await self._be_seen()
            await asyncio.sleep(LOOK_SECONDS)
            end = await self._ask()
            if end != RUNS:
                break
        await asyncio.sleep(LOOK_SECONDS)
        return end

    async def _be_seen(self) -> None:
        self._is_watched = True
        try:
            await watching.watch(self._execution_id, self.channel_name)
        except StoreUnavailable:
            await self.close(TRY_AGAIN)
        if self._is_shown:
            await self.tell(type="watching", anew=False)

    async def _ask(self) -> End | None:
        """How it came out; None: it is there no more."""
        return await database_sync_to_async(self._find, thread_sensitive=False)()

    def _find(self) -> End | None:
        return Execution.objects.filter(pk=self._execution_id).values_list("outcome", "exit_code").first()
