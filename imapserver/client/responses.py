"""What comes from the server, taken to whom it belongs."""

import asyncio
from collections import deque
from collections.abc import Callable

from imapserver.client.received import LITERAL, OUTPUT, STATUS_RESPONSE, Received, Show
from imapserver.client.result import Status

LINE = 16 * 1024 * 1024
"""Octets of one line: a SEARCH response of a mailbox of two million messages."""

NEWS = 1000
"""Untagged responses that are kept while no mail command waits for any."""


class Awaited(Received):
    """Of which a task may wait for more. What it calls `room` tells the reader that some has been taken."""

    def __init__(self, show: Show | None = None) -> None:
        super().__init__(show)
        self.changed = asyncio.Event()


class Responses:
    """Reads in a task of its own, and reads no further while more than `unread` octets of one execution wait."""

    def __init__(self, reader: asyncio.StreamReader, unread: int) -> None:
        self.news: deque[bytes] = deque(maxlen=NEWS)
        self._unread = unread
        self._reader = reader
        self._executions: dict[bytes, Awaited] = {}
        self._answers: dict[bytes, asyncio.Future[Status | None]] = {}
        self._untagged: list[bytes] | None = None
        self._asked: tuple[bytes, asyncio.Future[bool]] | None = None
        self._room = asyncio.Event()
        self._lost: Exception | None = None
        self._bye = ""
        self._task: asyncio.Task[None] | None = None

    async def greeting(self) -> None:
        """Wait for it, and begin to read. ConnectionRefusedError if the server wants no client."""
        line = await self._line()
        if not line.upper().startswith(b"* OK"):
            raise ConnectionRefusedError(line.decode("utf-8", "replace").strip() or "no greeting")
        self._task = asyncio.get_running_loop().create_task(self._read())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.lose(ConnectionResetError("the connection is closed"))

    def lose(self, error: Exception) -> None:
        """From now on `check` raises it, and so does all that waits."""
        self._lost = self._lost or error
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(None)
        if self._asked is not None and not self._asked[1].done():
            self._asked[1].set_result(False)
        for execution in self._executions.values():
            execution.changed.set()
        self._room.set()

    def check(self) -> None:
        if self._lost is not None:
            raise self._lost

    # Executions

    def expect(self, tag: bytes, execution: Awaited) -> None:
        self._executions[tag] = execution

    def forget(self, tag: bytes) -> None:
        self._executions.pop(tag, None)

    async def more(self, execution: Awaited) -> None:
        """Wait until something of it, or its end, comes."""
        if execution.end is None:
            self.check()
        execution.changed.clear()
        await execution.changed.wait()
        if execution.end is None:
            self.check()

    def room(self) -> None:
        """Something has been taken, or is not wanted any more: read on."""
        self._room.set()

    def drop_all(self) -> None:
        for execution in self._executions.values():
            execution.discard()
        self.room()

    # Commands

    def answer_to(self, tag: bytes) -> asyncio.Future[Status | None]:
        """To be called before the command is sent. None comes of it when the connection is lost."""
        self._answers[tag] = asyncio.get_running_loop().create_future()
        return self._answers[tag]

    async def asked_for(self, tag: bytes, send: Callable[[], None]) -> bool:
        """Send the start of a command; True: the server asks for its literal. False: it has answered already."""
        asked = asyncio.get_running_loop().create_future()
        self._asked = tag, asked
        send()
        try:
            wanted: bool = await asked
        finally:
            self._asked = None
        self.check()
        return wanted

    def collect(self) -> list[bytes]:
        """The list that untagged responses go to until `collected`."""
        self._untagged = []
        return self._untagged

    def collected(self) -> None:
        self._untagged = None

    # Reading

    async def _read(self) -> None:
        error: Exception = ConnectionResetError("the server closed the connection")
        try:
            while line := await self._line():
                await self._take(line)
        except (OSError, EOFError, ValueError) as broken:
            error = broken if isinstance(broken, OSError) else ConnectionResetError(f"broken off: {broken}")
        if self._bye:
            error = ConnectionResetError(f"the server closed the connection: {self._bye}")
        self.lose(error)

    async def _take(self, line: bytes) -> None:
        if line.startswith(b"* "):
            head = OUTPUT.fullmatch(line)
            if head is not None:
                await self._take_output(head[1], head[2].decode(), int(head[3]))
            else:
                await self._take_untagged(line)
        elif line.startswith(b"+"):
            if self._asked is not None:
                self._asked[1].set_result(True)
        else:
            self._take_tagged(line.partition(b" ")[0], line)

    async def _take_output(self, tag: bytes, stream: str, size: int) -> None:
        data = await self._reader.readexactly(size)
        await self._line()
        execution = self._executions.get(tag)
        if execution is None:
            return
        execution.put(stream, data)
        execution.changed.set()
        while execution.waiting > self._unread and not execution.all_wanted and self._lost is None:
            self._room.clear()
            await self._room.wait()

    async def _take_untagged(self, line: bytes) -> None:
        response = line
        if STATUS_RESPONSE.match(line):
            if line[2:5].upper() == b"BYE":
                self._bye = line[5:].decode("utf-8", "replace").strip()
        else:
            while literal := LITERAL.search(line):
                response += await self._reader.readexactly(int(literal[1]))
                line = await self._line()
                response += line
        (self.news if self._untagged is None else self._untagged).append(response)

    def _take_tagged(self, tag: bytes, line: bytes) -> None:
        if self._asked is not None and self._asked[0] == tag and not self._asked[1].done():
            self._asked[1].set_result(False)
        execution = self._executions.get(tag)
        if execution is not None:
            execution.put_line(line)
            if execution.end is not None:
                del self._executions[tag]
            execution.changed.set()
            return
        answer = self._answers.pop(tag, None)
        if answer is not None and not answer.done():
            answer.set_result(Status.parse(line) or Status("BAD", "", "no status response"))

    async def _line(self) -> bytes:
        """Empty at the end."""
        line = b""
        while len(line) <= LINE:
            try:
                return line + await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                line += await self._reader.readexactly(error.consumed)
            except asyncio.IncompleteReadError as error:
                if line or error.partial:
                    raise
                return b""
        raise ValueError("a line is too long")
