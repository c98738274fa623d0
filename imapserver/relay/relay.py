"""Commands up, responses down, byte for byte; and one command of IMAPX's own, which asks for news."""

import asyncio
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import IO, Any

from imapserver.engine.connection import EngineConnection
from imapserver.metrics import relayed
from imapserver.outgoing import Outgoing
from imapserver.wire.client_protocol import ClientProtocol, Continuation, EngineEvent, Tagged, Untagged
from imapserver.wire.command import parse_select
from imapserver.wire.events import RelayContinued, RelayStarted
from imapserver.wire.exceptions import Violation
from imapserver.wire.fetched import MessageFilter
from imapserver.wire.server_protocol import ServerProtocol
from imapserver.wire.state import State

logger = logging.getLogger(__name__)

NEWS_SECONDS = 10
"""How long an execution's end waits for the engine's news: a client that stalls in an APPEND must not hold it."""

SILENCE_SECONDS = 10
"""An engine that owes an answer and says nothing for so long has fallen silent: Dovecot tells how a long SEARCH or COPY
goes on as often."""

# A warning, without a code that would say of what.
NO = re.compile(rb"(?:\A|\n)\* NO (?!\[)", re.IGNORECASE)
BYE = re.compile(rb"(?:\A|\n)\* BYE[^\n]*\n\Z", re.IGNORECASE)


SELECTING = frozenset({b"SELECT", b"EXAMINE"})
DESELECTING = frozenset({b"CLOSE", b"UNSELECT"})


@dataclass(slots=True)
class InFlight:
    tag: bytes
    name: bytes
    mailbox: bytes | None = None
    mailbox_follows: bool = False
    """As a literal."""
    answered: asyncio.Future[Tagged | None] | None = None
    """Set for a command of IMAPX's own: its tagged response goes to nobody else. None: the engine is gone."""


class Relay(asyncio.Protocol):
    """Couples one client to its engine connection, whose transport delivers here from `attach` on."""

    def __init__(
        self,
        engine: EngineConnection,
        wire: ServerProtocol,
        outgoing: Outgoing,
        *,
        changed: Callable[[], None],
        lost: Callable[[str], None],
    ) -> None:
        """`changed`: more of the client may be read. `lost`: the engine is gone, why; empty if it said so itself."""
        self.mailbox = b""
        self.identified = b""
        """The first line of the client's last ID, as it came."""
        self._choked = False
        self._wire = wire
        self._outgoing = outgoing
        self._changed = changed
        self._lost = lost
        self._responses = ClientProtocol()
        self._said = 0
        """How often the engine has said something."""
        self._last = b""
        """The end of the last untagged responses."""
        self._paused = False
        self._in_flight: list[InFlight] = []
        self._sending = InFlight(b"", b"")
        """The client's last command, which literals belong to. The engine may have answered it before it is whole."""
        self._settled: list[asyncio.Future[None]] = []
        self._own_tags = f"IMAPX{secrets.token_hex(4)}."
        self._own_count = 0
        self._asking = asyncio.Lock()
        self._asked = self._refused = False
        """Whether a NOOP of IMAPX's own is in flight, and its answer one that tells of no news but of trouble."""
        self._renewing: asyncio.Task[None] | None = None
        self._filter: MessageFilter | None = None
        self._content: IO[bytes] | None = None
        self._holding = False
        """No command of the client's may go up now."""
        self._entering: asyncio.Future[None] | None = None
        """IDLE is left and entered again; the continuation request is awaited."""
        self._transport = engine.transport
        engine.attach(self)

    # Commands up

    def start(self, event: RelayStarted) -> None:
        tag, name, data = event
        relayed.up += len(data)
        self._transport.write(data)
        command = InFlight(tag, name)
        if name in SELECTING:
            text = data[len(tag) + 1 + len(name) : -2]
            mailbox = parse_select(text)
            command.mailbox, command.mailbox_follows = mailbox or b"", mailbox is None
        self._in_flight.append(command)
        self._sending = command
        if name == b"IDLE":
            self._wake(self._settled)  # it may last half an hour
        elif name == b"ID":
            self.identified = data

    def go_on(self, event: RelayContinued) -> None:
        if self._sending.mailbox is not None and self._sending.mailbox_follows:
            if event.literal:
                self._sending.mailbox += event.data
            else:
                self._sending.mailbox_follows = False
        relayed.up += len(event.data)
        self._transport.write(event.data)

    @property
    def full(self) -> bool:
        """The engine takes no more for now."""
        return self._choked or self._holding or self._renewing is not None

    def pause_writing(self) -> None:
        self._choked = True
        self._changed()

    def resume_writing(self) -> None:
        self._choked = False
        self._changed()

    # Responses down

    def data_received(self, data: bytes) -> None:
        self._said += 1
        relayed.down += len(data)
        try:
            if self._filter is not None:
                data = self._without_message(self._filter, data)
            events = self._responses.receive_data(data)
        except Violation:
            logger.exception("the engine breaks the protocol; closing")
            self._transport.abort()
            return
        if len(events) == 1:
            self._pass_on(events[0])
            return
        self._outgoing.hold()
        try:
            for event in events:
                self._pass_on(event)
        finally:
            self._outgoing.release()

    def _without_message(self, own: MessageFilter, data: bytes) -> bytes:
        others = own.receive_data(data)
        if self._content is not None:
            self._content.write(own.take())
        return others

    def _pass_on(self, event: EngineEvent) -> None:
        match event:
            case Tagged():
                self._tagged(event)
            case Untagged():
                self._last = event.data[-256:]
                if self._asked and NO.search(event.data):
                    self._refused = True
                self._outgoing.pass_on(event.data, event.boundary)
            case Continuation() if self._entering is not None:
                self._wake([self._entering])
            case Continuation():
                self._outgoing.pass_on(event.data, len(event.data))
                if self._wire.engine_continued():
                    self._changed()

    def _tagged(self, event: Tagged) -> None:
        # Only the newest can be the one that waits: a client may have used its tag before.
        newest = self._in_flight[-1] if self._in_flight else None
        command = self._take(event.tag)
        if command is not None and command.answered is not None:
            if not command.answered.done():
                command.answered.set_result(event)
        else:
            self._finish(event, command, newest=command is newest)
        if self._settled and not self._in_flight:
            self._wake(self._settled)

    def _finish(self, event: Tagged, command: InFlight | None, *, newest: bool) -> None:
        """The tagged response to a command of the client's."""
        self._outgoing.pass_on(event.data, len(event.data))
        if command is not None:
            if command.name in SELECTING or command.name in DESELECTING:
                self._follow_state(command, event.condition)
            if newest and self._wire.engine_completed(event.tag):
                self._changed()
            if self._entering is not None:
                self._wake([self._entering])

    def _take(self, tag: bytes) -> InFlight | None:
        for command in self._in_flight:
            if command.tag == tag:
                self._in_flight.remove(command)
                return command
        return None

    def _follow_state(self, command: InFlight, condition: bytes) -> None:
        """RFC 3501 section 6.3.1: a SELECT that fails deselects."""
        if command.mailbox is not None and condition != b"BAD":
            selected = condition == b"OK"
            self.mailbox = command.mailbox if selected else b""
            self._wire.state = State.SELECTED if selected else State.AUTHENTICATED
        elif command.name in DESELECTING and condition == b"OK":
            self.mailbox = b""
            self._wire.state = State.AUTHENTICATED

    def connection_lost(self, error: Exception | None) -> None:
        self._wake(self._settled)
        for command in self._in_flight:
            if command.answered is not None and not command.answered.done():
                command.answered.set_result(None)
        self._in_flight.clear()  # nobody is to wait for their answers
        if self._renewing is not None:
            self._renewing.cancel()
        if self._refused:
            self._lost("the selected mailbox is not what it was")
        else:
            self._lost("" if BYE.search(self._last) else "the mail engine is gone")

    # Flow control: what the client can't take is not read from the engine

    def pause_reading(self) -> None:
        self._paused = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        self._transport.close()

    # IMAPX's own

    async def settle(self) -> bool:
        """See scope.Conduit. An engine that falls silent in the middle of a response is taken for lost."""
        if not self._in_flight:
            return True
        settled = asyncio.get_running_loop().create_future()
        self._settled.append(settled)
        if await self._hear(settled):
            return True
        if not self._outgoing.between:
            self._transport.abort()
        return False

    async def _hear(self, awaited: asyncio.Future[Any]) -> bool:
        """Wait for what the engine owes. False: it does not come, the engine has fallen silent."""
        while not awaited.done():
            said = self._said
            await asyncio.wait([awaited], timeout=SILENCE_SECONDS)
            if not awaited.done() and self._said == said and not self._paused:
                logger.warning("the engine has fallen silent")
                return False
        return True

    async def ask_for_news(self) -> None:
        """See scope.Conduit. In turn: an EXPUNGE in the middle of a client's FETCH would shift its numbers."""
        try:
            async with asyncio.timeout(NEWS_SECONDS), self._asking:
                if self._wire.in_idle:
                    await self._in_idle(self._ask)
                    return
                if not self._wire.idling:
                    await self.settle()
                # Of what comes in the middle of an APPEND, or when IDLE is about to begin, they tell by themselves.
                if self._wire.between_commands and not self._transport.is_closing():
                    await self._ask()
        except TimeoutError:
            logger.warning("the engine was not asked for news: it is busy, or the client is in a command")

    def _command(self, text: bytes) -> asyncio.Future[Tagged | None]:
        """Send one of IMAPX's own, and return what will be its answer. It is None at once where the engine is gone."""
        self._own_count += 1
        command = InFlight(f"{self._own_tags}{self._own_count}".encode(), text)
        command.answered = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():
            command.answered.set_result(None)
            return command.answered
        self._in_flight.append(command)
        self._transport.write(command.tag + b" " + text + b"\r\n")
        return command.answered

    async def _ask(self) -> None:
        self._asked, self._refused = True, False
        try:
            await self._command(b"NOOP")
        finally:
            self._asked = False
        if self._refused and self.mailbox:
            # Dovecot's word for one that was deleted and made again: it goes on with what it knew of the old one.
            logger.warning("the engine can't say what is new in the selected mailbox; closing")
            self._transport.abort()
        else:
            self._refused = False

    async def fetch(self, uid: int, limit: int, content: IO[bytes]) -> int | None:
        """See scope.Conduit."""
        async with self._asking:
            return await self._fetch_in_turn(uid, limit, content)

    async def _fetch_in_turn(self, uid: int, limit: int, content: IO[bytes]) -> int | None:
        own = MessageFilter(limit)
        tagged: Tagged | None = None

        async def fetch() -> None:
            nonlocal tagged
            self._filter, self._content = own, content
            try:
                answered = self._command(b"UID FETCH %d (BODY.PEEK[])" % uid)
                if not await self._hear(answered):
                    self._transport.abort()
                tagged = await answered
            finally:
                self._filter = self._content = None

        async with asyncio.timeout(NEWS_SECONDS):
            await self._await_turn()
        if self._wire.in_idle:
            await self._in_idle(fetch)
        else:
            self._holding = True
            try:
                await fetch()
            finally:
                self._holding = False
                self._changed()
        if tagged is None or tagged.condition != b"OK":
            raise ConnectionError("the engine does not give the message")
        return own.size

    async def _await_turn(self) -> None:
        """Return in between two commands of the client's, or in its IDLE."""
        while not self._wire.in_idle:
            if not self._wire.idling:
                await self.settle()
            if self._wire.between_commands:
                return
            await asyncio.sleep(0.01)  # the engine's `+` to IDLE, or the rest of a command that has just begun

    async def _in_idle(self, work: Callable[[], Awaitable[None]]) -> None:
        if self._renewing is None:
            self._renewing = asyncio.get_running_loop().create_task(self._renew_idle(work))
        renewing = self._renewing
        await asyncio.wait([renewing])
        if not renewing.cancelled():
            renewing.result()

    async def _renew_idle(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this in the middle of IDLE: leave it and enter it again, unseen by the client, whose DONE waits meanwhile.

        In IDLE an engine does not notice all that it finds by NOOP (Dovecot: not that the mailbox was renamed)."""
        loop, idle = asyncio.get_running_loop(), self._sending
        try:
            if self._transport.is_closing():
                return
            idle.answered = loop.create_future()
            self._transport.write(b"DONE\r\n")
            left = await idle.answered
            if left is None:
                return
            if left.condition != b"OK":
                self._finish(left, idle, newest=True)
                return
            await work()
            self._sending = InFlight(idle.tag, idle.name)
            self._in_flight.append(self._sending)
            self._entering = loop.create_future()
            self._transport.write(idle.tag + b" IDLE\r\n")
            await self._entering
        finally:
            self._renewing = self._entering = None
            self._changed()

    @staticmethod
    def _wake(waiting: list[asyncio.Future[None]]) -> None:
        for future in waiting:
            if not future.done():
                future.set_result(None)
        waiting.clear()
