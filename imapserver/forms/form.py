"""One interface for every way in which an execution is carried over IMAP."""

from dataclasses import dataclass
from typing import Protocol

from commands.execution.execution import Execution
from imapserver.scope import Conduit, Incoming


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a form has of the client's side."""

    tag: bytes
    conduit: Conduit
    incoming: Incoming
    message: bytes | None = None
    """What came with the command and is to be its input."""
    offered: int | None = None
    """Octets of it that the client is about to send instead."""


class Form(Protocol):
    prompts: bool
    """Whether the client sends lines when it is asked, and nothing else until the end."""

    async def carry(self, execution: Execution, exchange: Exchange) -> None:
        """Bring output to the client and input to the execution until the output has ended.

        ConnectionError means that the client is gone and may go through. The tagged end is not sent here."""
