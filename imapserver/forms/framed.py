"""The framed form: input by FEED, output in literals; any bytes, and many executions at once (PROTOCOL section 5)."""

from typing import NamedTuple

from commands.execution.carrying import show_beside
from commands.execution.execution import Execution
from imapserver.forms.form import Exchange
from imapserver.forms.oneshot import show
from imapserver.wire import response


class Fed(NamedTuple):
    """One FEED that waits: its own tag, and what it brings; None ends the input."""

    tag: bytes
    data: bytes | None


class Framed:
    prompts = False

    async def carry(self, execution: Execution, exchange: Exchange) -> None:
        exchange.incoming.refuse_lines()
        await show_beside(show(execution, exchange), _feed(execution, exchange))


async def _feed(execution: Execution, exchange: Exchange) -> None:
    """Take one FEED after the other, and answer it when the executable has taken it: that is the flow control."""
    fed: Fed | None = None
    try:
        while True:
            fed = await exchange.incoming.next()
            if fed.data is None:
                execution.close_input()
                answer = response.status(fed.tag, "OK", "input closed")
            elif await execution.write(fed.data):
                answer = response.status(fed.tag, "OK", "fed")
            else:
                answer = not_taken(fed.tag)
            fed = None
            await exchange.conduit.write(answer)
    finally:
        if fed is not None:
            exchange.incoming.put_back(fed)  # to be answered with all others that are left


def not_taken(tag: bytes) -> bytes:
    """The answer to a FEED that came too late."""
    return response.status(tag, "NO", "the execution reads no more", "CANNOT")
