"""EXECUTE on asyncio: one connection, on which any number of tasks execute, hold dialogues and send mail commands."""

import asyncio
import contextlib
import itertools
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from imapserver.client import syntax
from imapserver.client.async_dialogue import AsyncDialogue
from imapserver.client.received import Show
from imapserver.client.responses import Awaited, Responses
from imapserver.client.result import Result, Status, Verb, listed, refuse

GOODBYE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What a mail command got: its tagged response, and the untagged ones before it as they came."""

    status: Status
    untagged: list[bytes]

    @property
    def ok(self) -> bool:
        return self.status.condition == "OK"


class LoginFailed(Exception):
    """The server's own words."""


class Client:
    """Made by `connect`. ConnectionError means that the connection is lost, from then on for every call.

    A dialogue of which more than `unread` octets wait to be read holds up the whole connection: nothing more is read,
    so the server stops sending, and its programs stop writing. Read each dialogue, in a task of its own if need be, or
    leave its block.
    """

    def __init__(self, responses: Responses, writer: asyncio.StreamWriter) -> None:
        self._responses = responses
        self._writer = writer
        self._tags = itertools.count(1)
        self._sending = asyncio.Lock()
        """Held while a command is sent, also while one waits to be asked for its literal."""
        self._mailing = asyncio.Lock()

    @property
    def news(self) -> deque[bytes]:
        """The last untagged responses that came while no mail command waited for any; take them out as you like."""
        return self._responses.news

    async def login(self, username: str, password: str) -> None:
        """Raises LoginFailed."""
        status = await self._command(b"LOGIN %b %b" % (syntax.astring(username), syntax.astring(password)))
        if status.condition != "OK":
            raise LoginFailed(status.shown)

    async def execute(
        self, verb: str, *arguments: str | bytes, input: bytes | None = None, show: Show | None = None
    ) -> Result:
        """Run a one-shot verb to its end. `input`: for a verb that takes a message. `show` is called with the output
        as it comes, which the result is then without. Cancelled, it cancels the execution."""
        return await self._run(syntax.execute(verb, arguments), Awaited(show), input)

    @asynccontextmanager
    async def dialogue(self, verb: str, *arguments: str | bytes) -> AsyncIterator[AsyncDialogue]:
        """Open an interactive verb, in the framed form: any octets, and any number of dialogues at once.

        To be used in `async with`, which cancels what has not ended by then."""
        received = Awaited()
        async with self._execution(syntax.execute(verb, arguments, "FRAMED"), received) as tag:
            # Nothing, fed: the answer tells that it runs, which the framed form does not say by itself.
            if not await self._fed(tag, received, b"", or_output=True):
                while not received.waiting and received.end is None:
                    await self._more(received)
            if received.end is not None and received.end.code.partition(" ")[0] != "EXIT":
                refuse(received.result())
            yield AsyncDialogue(self, tag, received)

    async def verbs(self) -> list[Verb]:
        """Those that this user may run."""
        return listed((await self._run(b"EXECUTE", Awaited())).output)

    async def describe(self, verb: str) -> dict[str, Any]:
        """What the verb takes, as JSON Schema."""
        result = await self._run(syntax.execute(verb, (), "DESCRIBE"), Awaited())
        described: dict[str, Any] = json.loads(result.output)
        return described

    async def cancel(self, tag: str | bytes) -> bool:
        """End an execution of this connection, by its tag. False: there is none."""
        return (await self._command(syntax.cancel(tag))).condition == "OK"

    async def command(self, line: str | bytes, literal: bytes | None = None) -> Answer:
        """Send a mail command as it is written, with `literal` as its last argument, and wait for its answer.

        One at a time. No IDLE, and nothing else that is more than a command and its answer."""
        async with self._mailing:
            untagged = self._responses.collect()
            try:
                return Answer(await self._command(syntax.one_line(line), literal), untagged)
            finally:
                self._responses.collected()

    async def close(self) -> None:
        """Log out, if the server still listens, and close."""
        self._responses.drop_all()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._command(b"LOGOUT")
        await self._responses.close()
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._writer.wait_closed()

    # For dialogues

    async def _feed(self, tag: bytes, received: Awaited, data: bytes | None) -> bool:
        """False: it takes no more."""
        return await self._fed(tag, received, data, or_output=False)

    async def _more(self, received: Awaited) -> None:
        await self._responses.more(received)

    def _room(self) -> None:
        self._responses.room()

    # Executions

    async def _run(self, command: bytes, received: Awaited, input: bytes | None = None) -> Result:
        received.all_wanted = True
        async with self._execution(command, received, input):
            while received.end is None and not received.executing:
                await self._more(received)
        return refuse(received.result())

    @asynccontextmanager
    async def _execution(self, command: bytes, received: Awaited, input: bytes | None = None) -> AsyncIterator[bytes]:
        """Start it; at the end of the block it is ended."""
        tag = self._new_tag()
        self._responses.expect(tag, received)
        try:
            await self._send(tag, command, input)
            yield tag
        finally:
            if received.end is None:
                with contextlib.suppress(ConnectionError):
                    await self._abandon(tag, received)
            self._responses.forget(tag)

    async def _abandon(self, tag: bytes, received: Awaited) -> None:
        received.discard()
        self._room()
        status = await self._command(syntax.cancel(tag))
        # Not OK: it has ended meanwhile, or its command was never sent.
        while status.condition == "OK" and received.end is None:
            await self._more(received)

    async def _fed(self, tag: bytes, received: Awaited, data: bytes | None, *, or_output: bool) -> bool:
        """Feed, and return whether that was taken. An answer that does not come before the end is not waited for."""
        own_tag = self._new_tag()
        answer = self._responses.answer_to(own_tag)
        answer.add_done_callback(lambda _: received.changed.set())
        await self._send(own_tag, syntax.feed(tag, data))
        while not answer.done() and received.end is None and not (or_output and received.waiting):
            await self._more(received)
        status = answer.result() if answer.done() else None
        return status is not None and status.condition == "OK"

    # Commands

    def _new_tag(self) -> bytes:
        return b"x%d" % next(self._tags)

    async def _command(self, command: bytes, literal: bytes | None = None) -> Status:
        tag = self._new_tag()
        answer = self._responses.answer_to(tag)
        await self._send(tag, command, literal)
        status = await answer
        if status is None:
            self._responses.check()
            raise ConnectionResetError("the connection is lost")
        return status

    async def _send(self, tag: bytes, command: bytes, literal: bytes | None = None) -> None:
        async with self._sending:
            self._responses.check()
            if literal is None:
                self._writer.write(tag + b" " + command + b"\r\n")
                await self._writer.drain()
            else:
                await self._send_with_literal(tag, command, literal)

    async def _send_with_literal(self, tag: bytes, command: bytes, literal: bytes) -> None:
        head = tag + b" " + command + b" " + syntax.announcement(literal) + b"\r\n"
        try:
            if not await self._responses.asked_for(tag, lambda: self._writer.write(head)):
                return
            for start in range(0, len(literal), syntax.PIECE):
                self._writer.write(literal[start : start + syntax.PIECE])
                await self._writer.drain()
            self._writer.write(b"\r\n")
        except asyncio.CancelledError:
            # Half a command is sent: whatever followed it would be taken for the other half.
            self._responses.lose(ConnectionAbortedError("a command was cancelled while its literal was sent"))
            self._writer.transport.abort()
            raise


@asynccontextmanager
async def connect(
    host: str, port: int, *, tls: ssl.SSLContext | bool = False, unread: int = 1024 * 1024
) -> AsyncIterator[Client]:
    """Connect; at the end of the block log out. `tls`: True, or a context of one's own. `unread`: see Client."""
    context = ssl.create_default_context() if tls is True else tls or None
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    responses = Responses(reader, unread)
    client = Client(responses, writer)
    try:
        await responses.greeting()
        yield client
    finally:
        await client.close()
