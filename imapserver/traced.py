"""Connections and executables that write what passes to a trace. Where there is none, nothing of this is in the way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from commands.attempt import Accepted
from commands.execution import kinds
from commands.execution.executable import Executable, Exit, Take
from imapserver.connection import ImapConnection
from imapserver.outgoing import Outgoing
from imapserver.trace import Responses, Trace, describe, shown_argv
from imapserver.wire import events
from imapserver.wire.server_protocol import ServerProtocol
from imapserver.wire.state import State

Start = Callable[[Accepted], Awaitable[Executable]]


class TracedConnection(ImapConnection):
    def __init__(self, trace: Trace, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._trace = trace
        self._wire = _TracedWire(trace, self._id)

    def _write_to(self, transport: asyncio.Transport) -> Outgoing:
        return _TracedOutgoing(transport, self._trace, self._id)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        tls = ", by TLS" if self._arrival.tls else ""
        self._trace.write(self._id, "--", f"connected from {self._arrival.client[0]}{tls}")

    def connection_lost(self, error: Exception | None) -> None:
        self._trace.write(self._id, "--", "disconnected")
        super().connection_lost(error)


class _TracedWire(ServerProtocol):
    def __init__(self, trace: Trace, who: str) -> None:
        super().__init__()
        self._trace = trace
        self._who = who

    def receive_plain(self, data: bytes) -> events.RelayStarted | events.DialogueLine | None:
        event = super().receive_plain(data)
        if event is not None:
            self._note(event)
        return event

    def next_event(self) -> events.Event | None:
        event = super().next_event()
        if event is not None:
            self._note(event)
        return event

    def _note(self, event: events.Event) -> None:
        match event:
            case events.RelayContinued(literal=True):
                self._trace.write_octets(self._who, "C:", b"", event.data)
            case events.InputOctets():
                self._trace.write_octets(self._who, "C:", event.tag, event.data)
            case _:
                line = describe(event, logged_in=self.state is not State.NOT_AUTHENTICATED)
                if line is not None:
                    self._trace.write(self._who, "C:", line)


class _TracedOutgoing(Outgoing):
    def __init__(self, transport: asyncio.Transport, trace: Trace, who: str) -> None:
        super().__init__(transport)
        self._trace = trace
        self._who = who
        self._responses = Responses()

    def _write(self, data: bytes) -> None:
        for frame, literal in self._responses.cut(data):
            if not literal:
                self._trace.write(self._who, "S:", frame)
            elif self._trace.contents:
                self._trace.write_octets(self._who, "S:", b"", frame)
        super()._write(data)


class _TracedEnd:
    """Standard input, output or error of an executable: `read` and `write` are seen, all else is its own."""

    def __init__(self, end: Any, note: Callable[[bytes], None]) -> None:
        self._end = end
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._end, name)

    async def read(self, size: int, take: Take | None = None) -> bytes:
        # `take` is left out: all goes the long way, past here.
        data: bytes = await self._end.read(size)
        if data:
            self._note(data)
        return data

    async def write(self, data: bytes | memoryview) -> None:
        self._note(bytes(data))
        await self._end.write(data)

    def write_now(self, data: bytes) -> bool:
        taken: bool = self._end.write_now(data)
        if taken:
            self._note(data)
        return taken


class _TracedExecutable:
    def __init__(self, executable: Executable, accepted: Accepted, trace: Trace) -> None:
        tag, who = accepted.attempt.tag.encode(), str(accepted.execution_id)[:8]

        def note(direction: str) -> Callable[[bytes], None]:
            return lambda data: trace.write_octets(who, direction, tag, data)

        self._executable = executable
        self._ended: Callable[[str], None] = lambda how: trace.write(who, "--", f"{tag.decode()} ended: {how}")
        self.stdin = _TracedEnd(executable.stdin, note("I:"))
        self.stdout = _TracedEnd(executable.stdout, note("O:"))
        self.stderr = None if executable.stderr is None else _TracedEnd(executable.stderr, note("E:"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._executable, name)

    async def wait(self) -> Exit:
        end = await self._executable.wait()
        self._ended(f"exit {end.code}" if end.signal is None else f"signal {end.signal}")
        return end


def trace_executables(trace: Trace) -> None:
    """Put a trace on all that this process will start. Their secrets have been handed over before it sees anything."""
    table = cast("dict[str, Start]", kinds.START)
    for kind, start in list(table.items()):
        table[kind] = _traced(start, trace)


def _traced(start: Start, trace: Trace) -> Start:
    async def start_traced(accepted: Accepted) -> Executable:
        attempt, verb = accepted.attempt, accepted.verb
        what = shown_argv(accepted.argv) or verb.address or verb.plugin
        text = f"{attempt.tag} {verb.name} of {attempt.username} starts: {what}"
        trace.write(str(accepted.execution_id)[:8], "--", text)
        return cast("Executable", _TracedExecutable(await start(accepted), accepted, trace))

    return start_traced
