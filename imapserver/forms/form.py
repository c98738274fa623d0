"""One interface for every way in which an execution is carried over IMAP."""

from typing import Protocol

from commands.execution.execution import Execution
from imapserver.scope import Conduit, Lines


class Form(Protocol):
    async def carry(self, execution: Execution, tag: bytes, conduit: Conduit, lines: Lines) -> None:
        """Bring output to the client and input to the execution until the output has ended.

        ConnectionError means that the client is gone and may go through. The tagged end is not sent here."""
