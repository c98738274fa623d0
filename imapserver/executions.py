"""The executions of one connection: a task each, by tag."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from tempfile import SpooledTemporaryFile

from commands import about, authorization
from commands.attempt import Attempt
from commands.authorization import Refused
from commands.execution.execution import Execution, run
from commands.message import Message
from commands.outcome import Outcome
from commands.unparsable import record_unparsable
from imapserver.forms import endings
from imapserver.forms.form import Exchange, Form
from imapserver.forms.framed import Fed, Framed, not_taken
from imapserver.forms.oneshot import OneShot
from imapserver.forms.prompt import Prompt
from imapserver.forms.tagged import Tagged
from imapserver.forms.xexec import Xexec
from imapserver.scope import Conduit, Incoming
from imapserver.wire import response
from imapserver.wire.command import Execute, Feed
from imapserver.wire.exceptions import BadSyntax

logger = logging.getLogger(__name__)

ONE_SHOT = OneShot()
FORMS: dict[str | None, Form] = {None: Tagged(), "PROMPT": Prompt(), "FRAMED": Framed(), "XEXEC": Xexec()}
"""Those of a dialogue, by the name that the client gives. A one-shot verb has one form, whatever is asked for."""

DESCRIBE = "DESCRIBE"

SPOOLED = 1024 * 1024
"""Octets of a fetched message that are kept in memory; a larger one waits in a file."""


class Executions:
    def __init__(
        self,
        conduit: Conduit,
        *,
        user_id: int,
        username: str,
        remote_addr: str | None,
        tls: bool,
        client_id: Callable[[], str],
    ) -> None:
        """`client_id`: what the client calls itself; it may say so at any time."""
        self._conduit = conduit
        self._user_id = user_id
        self._username = username
        self._remote_addr = remote_addr
        self._tls = tls
        self._client_id = client_id
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._fed: dict[bytes, Incoming] = {}
        """Of those in the framed form."""
        self._running: dict[bytes, Execution] = {}
        self._canceled: dict[bytes, tuple[Outcome, str]] = {}
        """Those that were ended before they had begun to run, and why."""

    def start(self, tag: bytes, execute: Execute) -> None:
        """Begin the execution, or what tells about verbs, in a task of its own; it sends the tagged end.

        Raises BadSyntax for an unknown form."""
        if execute.form != DESCRIBE and execute.form not in FORMS:
            raise BadSyntax("there is no such form")
        self._canceled.pop(tag, None)
        form = FORMS.get(execute.form)
        incoming = self._conduit.dialogues.open(tag, prompts=form is not None and form.prompts)
        if execute.form == "FRAMED" and execute.offered is None:
            self._fed[tag] = incoming
        if execute.verb is None or form is None:
            work = self._tell(tag, execute, incoming)
        else:
            work = self._run(tag, execute, form, incoming)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[tag] = task
        task.add_done_callback(lambda done: self._forget(tag, done))

    def _forget(self, tag: bytes, done: asyncio.Task[None]) -> None:
        # While the end of one was on its way to the client, another may have got the tag.
        if self._tasks.get(tag) is done:
            del self._tasks[tag]

    def feed(self, tag: bytes, feed: Feed) -> None:
        """Hand this on to the execution that it names, which answers it. BadSyntax if there is none that takes any."""
        incoming = self._fed.get(feed.tag)
        if incoming is None:
            raise BadSyntax("no execution in the framed form has this tag")
        incoming.put(Fed(tag, feed.data), len(feed.data or b""))

    def cancel(self, tag: bytes, cause: Outcome = Outcome.CANCELED, reason: str = "") -> bool:
        """End it; False if no execution has this tag. `reason` is for the record."""
        if tag not in self._tasks:
            return False
        if tag in self._running:
            self._running[tag].end(cause, reason)
        else:
            self._canceled[tag] = (cause, reason)  # it is still waiting for its record
        return True

    def cancel_all(self, cause: Outcome, reason: str = "") -> None:
        """End all that there are now."""
        for tag in list(self._tasks):
            self.cancel(tag, cause, reason)

    async def finish(self, seconds: float, cause: Outcome, reason: str = "") -> None:
        """Return when all have ended; after so many seconds they are made to."""
        if self._tasks:
            if seconds:
                await asyncio.wait(self._tasks.values(), timeout=seconds)
            self.cancel_all(cause, reason)
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

    async def _run(self, tag: bytes, execute: Execute, form: Form, incoming: Incoming) -> None:
        async def carry(running: Execution) -> None:
            self._running[tag] = running
            if tag in self._canceled:
                running.end(*self._canceled[tag])
            one_shot = running.verb.mode == "one-shot" and execute.form != "XEXEC"
            try:
                await (ONE_SHOT if one_shot else form).carry(running, exchange)
            except ConnectionError:
                running.end(self._gone)
                raise

        verb, arguments, message = execute.verb or "", execute.arguments, None
        try:
            if execute.ends_in_literal and await authorization.takes_input(self._user_id, verb):
                *before, message = arguments
                arguments = tuple(before)
            exchange = Exchange(tag, self._conduit, incoming, message, execute.offered)
            size = execute.offered if message is None else len(message)
            messages = self._messages if self._conduit.mailbox else None
            end = await run(self._attempt(tag, verb, arguments, size), carry, messages, self._conduit.ask_for_news)
            answer = endings.ending(tag, verb, end)
        except Refused as refused:
            incoming.refuse_lines()
            if execute.offered is not None:
                self._conduit.dialogues.refuse_input()
            answer = endings.refusal(tag, refused)
        except ConnectionError:
            return
        except Exception:
            logger.exception("an execution ended with an error")
            answer = endings.bug(tag)
        self._running.pop(tag, None)
        await self._end(tag, answer)

    async def _messages(self, uids: tuple[int, ...], limit: int) -> AsyncIterator[Message]:
        for uid in uids:
            with SpooledTemporaryFile(max_size=SPOOLED) as content:
                size = await self._conduit.fetch(uid, limit, content)
                content.seek(0)
                if size is not None:
                    yield Message(uid, size, content)

    async def _tell(self, tag: bytes, execute: Execute, incoming: Incoming) -> None:
        """The listing, or what one verb takes."""
        incoming.refuse_lines()
        if execute.offered is not None:
            self._conduit.dialogues.refuse_input()
        try:
            verbs = await authorization.visible_verbs(self._user_id)
            text = about.describe(verbs, execute.verb) if execute.verb else about.listing(verbs)
            if text:
                await self._conduit.write(response.execute_output(tag, "STDOUT", text.encode()))
            answer = response.status(tag, "OK", "EXECUTE completed", "EXIT 0")
        except Refused as refused:
            answer = endings.refusal(tag, refused)
        except ConnectionError:
            return
        await self._end(tag, answer)

    async def _end(self, tag: bytes, answer: bytes) -> None:
        fed = self._fed.pop(tag, None)
        try:
            for left in fed.rest() if fed is not None else ():
                await self._conduit.write(not_taken(left.tag))
            await self._conduit.dialogues.end(tag, answer)
        except ConnectionError:
            logger.debug("the client is gone before the end of its execution")

    def _attempt(self, tag: bytes, verb: str, arguments: tuple[bytes, ...], input_size: int | None) -> Attempt:
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
            input_size=input_size,
            client_id=self._client_id(),
        )

    async def record_unparsable(self, verb: str, reason: str) -> None:
        """Of a command that could not be read: the verb that was meant, empty if it is not known, and what is wrong."""
        await record_unparsable(
            user_id=self._user_id,
            username=self._username,
            verb=verb,
            reason=reason,
            door="imap",
            remote_addr=self._remote_addr,
            tls=self._tls,
            client_id=self._client_id(),
        )
