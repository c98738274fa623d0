"""One-shot verbs: output in literals as it comes, no input (PROTOCOL section 4)."""

from commands.execution.execution import Execution
from imapserver.scope import Conduit, Lines
from imapserver.wire.response import execute_output


class OneShot:
    async def carry(self, execution: Execution, tag: bytes, conduit: Conduit, lines: Lines) -> None:
        lines.refuse()
        execution.close_input()
        while output := await execution.read():
            await conduit.write(execute_output(tag, output.stream, output.data))
