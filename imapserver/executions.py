"""The executions of one connection: a task each, by tag."""

import asyncio
import logging

from commands import authorization
from commands.attempt import Attempt
from commands.authorization import Refused
from commands.execution.execution import Execution, run
from commands.outcome import Outcome
from imapserver.forms import endings
from imapserver.forms.form import Form
from imapserver.forms.oneshot import OneShot
from imapserver.forms.tagged import Tagged
from imapserver.scope import Conduit, Lines
from imapserver.wire import response
from imapserver.wire.command import Execute

logger = logging.getLogger(__name__)

FORMS: dict[str, Form] = {"one-shot": OneShot(), "interactive": Tagged()}


class Executions:
    def __init__(self, conduit: Conduit, *, user_id: int, username: str, remote_addr: str | None, tls: bool) -> None:
        self._conduit = conduit
        self._user_id = user_id
        self._username = username
        self._remote_addr = remote_addr
        self._tls = tls
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._running: dict[bytes, Execution] = {}
        self._canceled: dict[bytes, Outcome] = {}
        """Those that were ended before they had begun to run, and why."""

    def start(self, tag: bytes, execute: Execute) -> None:
        """Begin the execution, or the listing, in a task of its own; it sends the tagged end."""
        self._canceled.pop(tag, None)
        lines = self._conduit.open_dialogue(tag)
        work = self._list(tag, lines) if execute.verb is None else self._run(tag, execute, lines)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[tag] = task
        task.add_done_callback(lambda done: self._forget(tag, done))

    def _forget(self, tag: bytes, done: asyncio.Task[None]) -> None:
        # While the end of one was on its way to the client, another may have got the tag.
        if self._tasks.get(tag) is done:
            del self._tasks[tag]

    def cancel(self, tag: bytes, cause: Outcome = Outcome.CANCELED) -> bool:
        """End it; False if no execution has this tag."""
        if tag not in self._tasks:
            return False
        if tag in self._running:
            self._running[tag].end(cause)
        else:
            self._canceled[tag] = cause  # it is still waiting for its record
        return True

    async def finish(self, seconds: float, cause: Outcome) -> None:
        """Return when all have ended; after so many seconds they are made to."""
        if self._tasks:
            if seconds:
                await asyncio.wait(self._tasks.values(), timeout=seconds)
            for tag in list(self._tasks):
                self.cancel(tag, cause)
            if self._tasks:
                await asyncio.wait(self._tasks.values())

    async def abandon(self) -> None:
        """The connection is gone: end all, and return when that is recorded."""
        tasks = list(self._tasks.values())
        for running in self._running.values():
            running.end(self._gone)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    @property
    def _gone(self) -> Outcome:
        """How executions come out that end with the connection."""
        return Outcome.ENGINE_LOST if self._conduit.engine_lost else Outcome.CLIENT_GONE

    async def _run(self, tag: bytes, execute: Execute, lines: Lines) -> None:
        async def carry(running: Execution) -> None:
            self._running[tag] = running
            changes_mail.append(running.verb.changes_mail)
            if tag in self._canceled:
                running.end(self._canceled[tag])
            try:
                await FORMS[running.verb.mode].carry(running, tag, self._conduit, lines)
            except ConnectionError:
                running.end(self._gone)
                raise

        changes_mail: list[bool] = []
        verb = execute.verb or ""
        try:
            end = await run(self._attempt(tag, verb, execute.arguments), carry)
            if any(changes_mail):
                await self._conduit.ask_for_news()
            answer = endings.ending(tag, verb, end)
        except Refused as refused:
            lines.refuse()
            answer = endings.refusal(tag, refused)
        except ConnectionError:
            return
        except Exception:
            logger.exception("an execution ended with an error")
            answer = endings.bug(tag)
        self._running.pop(tag, None)
        await self._end(tag, answer)

    async def _list(self, tag: bytes, lines: Lines) -> None:
        lines.refuse()
        try:
            verbs = await authorization.visible_verbs(self._user_id)
            listing = "".join(f"{verb.name} ({verb.mode}) {verb.usage}".rstrip() + "\n" for verb in verbs)
            if listing:
                await self._conduit.write(response.execute_output(tag, "STDOUT", listing.encode()))
            answer = response.status(tag, "OK", "EXECUTE completed", "EXIT 0")
        except Refused as refused:
            answer = endings.refusal(tag, refused)
        except ConnectionError:
            return
        await self._end(tag, answer)

    async def _end(self, tag: bytes, answer: bytes) -> None:
        try:
            await self._conduit.end_dialogue(tag, answer)
        except ConnectionError:
            logger.debug("the client is gone before the end of its execution")

    def _attempt(self, tag: bytes, verb: str, arguments: tuple[bytes, ...]) -> Attempt:
        return Attempt(
            user_id=self._user_id,
            username=self._username,
            verb=verb,
            arguments=arguments,
            door="imap",
            remote_addr=self._remote_addr,
            tls=self._tls,
            tag=tag.decode(),
            mailbox=self._conduit.mailbox.decode("utf-8", "replace"),
        )
