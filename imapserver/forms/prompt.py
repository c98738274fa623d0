"""The prompt form: `+` asks for a line, as in AUTHENTICATE, for libraries that know no EXECUTE (PROTOCOL section 5)."""

import asyncio

from commands.execution.carrying import show_beside
from commands.execution.execution import Execution
from commands.outcome import Outcome
from imapserver.forms.enquiry import Enquiries
from imapserver.forms.form import Exchange
from imapserver.wire.response import execute_output

QUIET_SECONDS = 0.05
"""A program that has read everything, and neither works nor says anything for so long, is taken to want a line."""


class Prompt:
    prompts = True

    async def carry(self, execution: Execution, exchange: Exchange) -> None:
        dialogue = _Dialogue(execution, exchange)
        await show_beside(dialogue.show(), dialogue.ask())


class _Dialogue:
    def __init__(self, execution: Execution, exchange: Exchange) -> None:
        self._execution = execution
        self._exchange = exchange
        self._enquiries = Enquiries()
        self._enquires = False
        """The program says itself when it wants a line."""
        self._enquired = asyncio.Event()
        self._said = asyncio.Event()

    async def show(self) -> None:
        """Output to the client, until it has ended."""
        while output := await self._execution.read():
            self._said.set()
            pieces = [output.data] if output.stream != "STDOUT" else self._enquiries.split(output.data)
            await self._send(output.stream, b"".join(pieces))
            if len(pieces) > 1:
                self._enquires = True
                self._enquired.set()
        await self._send("STDOUT", self._enquiries.rest())

    async def _send(self, stream: str, data: bytes) -> None:
        if data:
            await self._exchange.conduit.write(execute_output(self._exchange.tag, stream, data))

    async def ask(self) -> None:
        """Ask for a line whenever one is wanted, and hand it on."""
        while True:
            await self._line_wanted()
            line = await self._exchange.conduit.dialogues.ask("")
            if line == b"*":
                self._execution.end(Outcome.CANCELED)
                return
            self._enquired.clear()
            await self._execution.write(line + b"\n")

    async def _line_wanted(self) -> None:
        if self._execution.asks is not None:
            await self._execution.asks.wait()
            return
        while not self._enquires:
            self._said.clear()
            try:
                await asyncio.wait_for(self._said.wait(), QUIET_SECONDS)
            except TimeoutError:
                if self._execution.is_waiting():
                    return
        await self._enquired.wait()
