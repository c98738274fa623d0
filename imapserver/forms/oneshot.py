"""One-shot verbs: output in literals as it comes, and a message as input at most (PROTOCOL section 4)."""

from commands.execution.carrying import show_beside
from commands.execution.execution import Execution
from commands.outcome import Outcome
from imapserver.forms.form import Exchange
from imapserver.wire.response import execute_output


class OneShot:
    prompts = False

    async def carry(self, execution: Execution, exchange: Exchange) -> None:
        exchange.incoming.refuse_lines()
        if exchange.message is None and exchange.offered is None:
            if execution.message is None:
                execution.close_input()
            await show(execution, exchange)
        else:
            await show_beside(show(execution, exchange), _feed(execution, exchange))


async def show(execution: Execution, exchange: Exchange) -> None:
    """Send the output as untagged responses until it has ended."""
    while output := await execution.read():
        await exchange.conduit.write(execute_output(exchange.tag, output.stream, output.data))


async def _feed(execution: Execution, exchange: Exchange) -> None:
    if exchange.message is not None:
        await execution.write(exchange.message)
    elif (exchange.offered or 0) > execution.verb.input_limit:
        exchange.conduit.dialogues.refuse_input()
        execution.end(Outcome.LIMIT)
        return
    else:
        exchange.conduit.dialogues.take_input()
        while octets := await exchange.incoming.next():
            await execution.write(octets)
    execution.close_input()
