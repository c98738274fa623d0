"""What a client sends to its executions: under which tag, to whom, and how far it is read ahead."""

import asyncio
from collections.abc import Callable

from django.conf import settings

from imapserver.incoming import Incoming
from imapserver.outgoing import Outgoing
from imapserver.wire import events, response
from imapserver.wire.server_protocol import ServerProtocol

UNANSWERED = 64
"""Executions, beside those that a user may have running, whose ends a client may leave unread."""


class Dialogues:
    """Those of one connection. Implements `scope.Dialogues`."""

    def __init__(
        self,
        wire: ServerProtocol,
        outgoing: Outgoing,
        *,
        changed: Callable[[], None],
        refused: Callable[[], None],
        silent: Callable[[], None],
    ) -> None:
        """`changed`: more of the client's may be taken. `refused`: a line has come where none is wanted. `silent`: the
        client has not answered what it was asked for."""
        self._wire = wire
        self._outgoing = outgoing
        self._changed = changed
        self._refused = refused
        self._silent = silent
        self._loop = asyncio.get_running_loop()
        self._incoming: dict[bytes, Incoming] = {}
        self._most: int = UNANSWERED + settings.IMAPX["EXECUTIONS_PER_USER"]
        self._prompted: bytes | None = None
        """The tag of the execution that every line goes to, when it has asked for one."""
        self._asked: asyncio.Future[bytes] | None = None
        self._gone = False

    def __len__(self) -> int:
        return len(self._incoming)

    @property
    def full(self) -> bool:
        """Whether the client is to be read no further."""
        if not self._incoming:
            return False
        return len(self._incoming) >= self._most or any(each.full for each in self._incoming.values())

    def open(self, tag: bytes, *, prompts: bool = False) -> Incoming:
        incoming = Incoming(changed=self._changed, refused=self._refused)
        self._incoming[tag] = incoming
        self._wire.begin_dialogue(tag)
        if prompts:
            self._prompted = tag
            self._wire.begin_prompts()
        return incoming

    async def ask(self, text: str) -> bytes:
        if self._gone:
            raise ConnectionResetError("the client is gone")
        self._asked = self._loop.create_future()
        self._outgoing.put(response.continuation(text), self._expect_line)
        line: bytes = await asyncio.shield(self._asked)
        self._asked = None
        return line

    def _expect_line(self) -> None:
        if self._prompted is not None:  # or its execution has ended, while the engine was in the middle of a response
            self._wire.expect_continuation()
            self._loop.call_soon(self._changed)

    def take_input(self) -> None:
        if self._wire.take_input():
            self._outgoing.put(response.continuation("OK"))
        self._loop.call_soon(self._changed)

    def refuse_input(self) -> None:
        self._wire.refuse_input()
        self._loop.call_soon(self._changed)

    async def end(self, tag: bytes, data: bytes) -> None:
        if tag == self._prompted and self._asked is not None:
            # The client has been asked for a line: what it sends now is that, and must never be taken for a command.
            await asyncio.wait([self._asked], timeout=settings.IMAPX["IDLE_SECONDS"])
            if not self._asked.done():
                self._silent()
            self._asked = None
        await self._outgoing.write(data, lambda: self._free(tag))

    def _free(self, tag: bytes) -> None:
        held_up = self.full or tag == self._prompted
        self._wire.end_dialogue(tag)
        del self._incoming[tag]
        if tag == self._prompted:
            self._prompted = None
            self._wire.end_prompts()
        if held_up:
            self._loop.call_soon(self._changed)

    # Events of the wire

    def take_line(self, event: events.DialogueLine) -> None:
        self._incoming[event.tag].put_line(event.line)

    def take_octets(self, event: events.InputOctets) -> None:
        if event.tag in self._incoming:  # else it has ended, and has not taken all of it
            self._incoming[event.tag].put(event.data, len(event.data))

    def take_answer(self, event: events.ContinuationLine) -> bool:
        """False: no execution prompts, so it is for somebody else."""
        if self._prompted is None:
            return False
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(event.line)
        return True

    def lose(self) -> None:
        """The client is gone: whoever waits for its line gets ConnectionResetError."""
        self._gone = True
        # They hold the connection: its TLS buffers would stay until the garbage collector comes by.
        self._changed = self._refused = self._silent = _nothing
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(ConnectionResetError("the client is gone"))
            self._asked.exception()  # it may be that nobody waits for the line any more


def _nothing() -> None:
    """What there is to tell a connection that is gone."""
