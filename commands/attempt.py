"""The three stages of somebody's wish to run a verb: it comes in by a door, it is accepted, it has ended."""

import uuid
from dataclasses import dataclass

from commands.outcome import Outcome
from commands.snapshot import VerbEntry


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who wants to run what, from where. `verb` is in lower case; `arguments` are the raw bytes, NUL-free."""

    user_id: int
    username: str
    verb: str
    arguments: tuple[bytes, ...]
    door: str
    remote_addr: str | None = None
    tls: bool = False
    tag: str = ""
    mailbox: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An attempt that the rules allow and that is on record: it may start now, and its exit must be recorded."""

    execution_id: uuid.UUID
    attempt: Attempt
    verb: VerbEntry
    argv: tuple[bytes, ...]
    revision: int
    started: float  # time.monotonic()


@dataclass(frozen=True, slots=True)
class End:
    """How an execution came out. `code` is the exit status or, if the outcome is SIGNAL, the signal's number."""

    outcome: Outcome
    code: int | None
    bytes_in: int
    bytes_out: int
    seconds: float
