"""Carries one execution to and from a terminal on a page."""

import os
from typing import IO

from commands.execution.carrying import show_beside
from commands.execution.execution import Execution
from commands.execution.output import CHUNK
from commands.outcome import Outcome
from commands.terminal import Screen
from commands.web.console.page import Page


class Carrier:
    """`carry` is for `execution.run`."""

    def __init__(self, page: Page, message: IO[bytes] | None) -> None:
        """`message` is the input of a verb that takes one; None: what is typed is."""
        self._page = page
        self._message = message
        self.execution: Execution | None = None
        """Once it runs."""

    async def carry(self, execution: Execution) -> None:
        self.execution = execution
        await self._page.tell(say="runs", verb=execution.verb.name, takes_input=self._takes_typed(execution))
        await show_beside(self._show(execution), self._feed(execution))

    async def interrupt(self) -> bool:
        """Cancel it; the second time, kill it. False: nothing runs yet."""
        execution = self.execution
        if execution is None:
            return False
        if execution.cause is None:
            execution.end(Outcome.CANCELED)
            await self._page.note(f"Cancelling {execution.verb.name}; ^C once more kills it.")
        else:
            execution.kill()
        return True

    def _takes_typed(self, execution: Execution) -> bool:
        return self._message is None and execution.verb.mode == "interactive"

    async def _show(self, execution: Execution) -> None:
        screens = {"STDOUT": Screen(), "STDERR": Screen()}
        while True:
            await self._page.window.room()  # before it is read: what the page does not show yet, the program keeps
            output = await execution.read()
            if output is None:
                break
            await self._page.show(output.stream, screens[output.stream].show(output.data).decode())
        for stream, screen in screens.items():
            await self._page.show(stream, screen.rest().decode())

    async def _feed(self, execution: Execution) -> None:
        if self._message is not None:
            self._message.seek(0, os.SEEK_END)
            if self._message.tell() > execution.verb.input_limit:
                execution.end(Outcome.LIMIT)
                return
            self._message.seek(0)
            while data := self._message.read(CHUNK):
                await execution.write(data)
        elif self._takes_typed(execution):
            while (piece := await self._page.typed.next()) is not None:
                await execution.write(piece)
                await self._page.tell(say="taken")
        execution.close_input()
