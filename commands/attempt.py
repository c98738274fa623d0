"""The three stages of somebody's wish to run a verb: it comes in by a door, it is accepted, it has ended."""

import uuid
from dataclasses import dataclass, field

from commands.arguments.signature import Match, Signature
from commands.outcome import Outcome
from commands.verbmap import VerbEntry


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who wants to run what, from where. `verb` is in lower case; `arguments` are the raw bytes, NUL-free.

    The message that a verb takes as input is none of them. Any of them may be a secret, so `repr` shows none.
    """

    user_id: int
    username: str
    verb: str
    arguments: tuple[bytes, ...] = field(repr=False)
    door: str
    remote_addr: str | None = None
    tls: bool = False
    tag: str = ""
    mailbox: str = ""
    input_size: int | None = None
    """Bytes of input that come besides the arguments; only a verb that takes input may be given any."""
    client_id: str = ""
    """What the client calls itself: name and version, as it said so."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An attempt that the rules allow and that is on record: it may start now, and its exit must be recorded.

    `argv` is a program's, empty for other kinds; no secret is in it. `match` is what the arguments are.
    """

    execution_id: uuid.UUID
    attempt: Attempt
    verb: VerbEntry
    argv: tuple[bytes, ...] = field(repr=False)
    revision: int
    started: float  # time.monotonic()
    uid: int | None = None
    """Of the message that it runs for, if it is run for one after the other."""
    match: Match = field(default=Match(Signature(()), {}), repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """How an execution came out. `code` is the exit status or, if the outcome is SIGNAL, the signal's number."""

    outcome: Outcome
    code: int | None
    bytes_in: int
    bytes_out: int
    seconds: float
    transcript_digest: bytes | None = None
    """Of the transcript's chunks, if there is a transcript (commands/transcript/digest.py)."""
    reason: str = ""
    """Why it was ended, for the record."""
