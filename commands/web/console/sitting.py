"""Somebody at a terminal on a page: what they say is taken, and one thing at a time is run for them."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from commands import authorization
from commands.attempt import Attempt
from commands.authorization import Refused
from commands.execution.execution import run
from commands.verbmap import VerbEntry
from commands.web.console import ending, secrets
from commands.web.console.carrier import Carrier
from commands.web.console.page import Page, Tell
from commands.web.console.whence import Whence

logger = logging.getLogger(__name__)

in_thread = partial(database_sync_to_async, thread_sensitive=False)

SPOOLED = 1024 * 1024
"""Bytes of a message that are kept in memory; a longer one waits in a file."""


class Sitting:
    """Subclasses have `asked`, which calls `begin`. Its owner hands in what the page says, and `leave`s."""

    door = ""

    def __init__(self, user: User, whence: Whence, tell: Tell) -> None:
        self.user = user
        """Who sits there. To be set anew when they are read anew."""
        self.whence = whence
        self.page = Page(tell)
        self._task: asyncio.Task[None] | None = None
        self._carrier: Carrier | None = None
        self._is_busy = False
        self._is_over = False

    async def opened(self) -> None:
        await self.page.tell(say="ready")

    async def asked(self, message: Mapping[str, Any]) -> None:
        """The page says what only this kind of sitting knows. Raises ValueError if this one knows it neither."""
        raise ValueError("not understood")

    # For the owner

    async def take(self, message: Mapping[str, Any]) -> None:
        """The page says something. Raises ValueError if that makes no sense."""
        match message:
            case {"do": "input", "text": str(text)}:
                self._put(text)
            case {"do": "end"}:
                self._put(None)
            case {"do": "shown", "size": int(size)}:
                self.page.window.shown(size)
            case {"do": "interrupt"}:
                await self._interrupt()
            case _:
                await self.asked(message)

    def abandon(self) -> None:
        """End what runs; nothing begins any more."""
        self._is_over = True
        if self._task is not None:
            self._task.cancel()

    async def leave(self) -> None:
        """Return when what ran has ended and is recorded."""
        self.abandon()
        if self._task is not None:
            await asyncio.wait([self._task])

    # For subclasses

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this unless something is being done: a page of ours does not ask then."""
        if self._is_over or self._is_busy:
            work.close()
        else:
            self._is_busy = True
            self._task = asyncio.get_running_loop().create_task(self._do(work))

    async def run(self, attempt: Attempt) -> None:
        """Run a verb to its end, with what it needs beside its arguments asked for before, and say how it came out."""
        verbs = await authorization.visible_verbs(attempt.user_id)
        entry = next((entry for entry in verbs if entry.name == attempt.verb), None)  # without one it will be refused
        found = None if entry is None else secrets.match(entry, attempt.arguments)
        if found is not None and found.uids is not None:
            await self.page.note(
                f"{attempt.verb} works on messages of the selected mailbox: it can be run over IMAP alone.", "bad"
            )
            return
        if found is not None:
            attempt = replace(attempt, arguments=await self._with_secrets(found, attempt.arguments))
        if entry is None or not entry.takes_input:
            await self._run(attempt, None)
            return
        with SpooledTemporaryFile(max_size=SPOOLED) as message:
            await self._type_message(entry, message)
            await self._run(replace(attempt, input_size=message.tell()), message)

    # Its own

    def _put(self, text: str | None) -> None:
        if self._is_busy:  # else it was typed for what has ended meanwhile
            self.page.typed.put(text)

    async def _interrupt(self) -> None:
        if self._task is None or not self._is_busy:
            return
        if self._carrier is None or not await self._carrier.interrupt():
            self._task.cancel()

    async def _do(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            if self._is_over:
                raise
            await self.page.note("Cancelled.")
        except Refused as refused:  # of what was only to be looked up
            await self.page.note(f"Refused: {refused.text}.", "bad")
        except Exception:
            logger.exception("a console failed")
            await self.page.note("The server failed; its log says how.", "bad")
        self._carrier = None
        self.page.typed.clear()
        self._is_busy = False  # before it is said: what comes next may come at once
        await self.page.tell(say="ready")

    async def _with_secrets(self, found: secrets.Match, arguments: tuple[bytes, ...]) -> tuple[bytes, ...]:
        given = list(arguments)
        for place, label in secrets.asked_for(found, arguments):
            await self.page.tell(say="asks", label=label)
            answer = await self.page.typed.next()
            if answer is None:
                raise asyncio.CancelledError
            given[place] = answer.removesuffix(b"\n")
        return tuple(given)

    async def _type_message(self, entry: VerbEntry, message: IO[bytes]) -> None:
        """What is typed until its end, or a little more than the verb takes: its size is known before it runs."""
        await self.page.tell(say="message")
        while (piece := await self.page.typed.next()) is not None:
            if message.tell() <= entry.input_limit:
                message.write(piece)
            await self.page.tell(say="taken")

    async def _run(self, attempt: Attempt, message: IO[bytes] | None) -> None:
        carrier = self._carrier = Carrier(self.page, message)
        try:
            end = await run(attempt, carrier.carry)
        except Refused as refused:
            note = await in_thread(ending.of_refusal)(attempt, refused, self.user)
        else:
            execution = None if carrier.execution is None else carrier.execution.id
            note = await in_thread(ending.of_end)(attempt.verb, end, execution, self.user)
        await self.page.note(note.text, "good" if note.good else "bad", note.links)
