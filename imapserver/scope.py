"""The ASGI scope `imap`: what server and application say to each other, and the conduit for the bytes.

Control goes by messages, data by the conduit: a message costs a task switch, and a relayed command, a line of a
dialogue or a chunk of output has nothing to decide.

The server sends `imap.connect`, then `imap.command` for each command that IMAPX serves, and after one it hands up
no other until the application has sent `imap.next`. The application may do long work in a task of its own and say
`imap.next` at once.
"""

from collections.abc import Callable
from typing import IO, Any, Literal, Protocol, TypedDict

from imapserver.engine.connection import EngineConnection
from imapserver.engine.engine import Engine
from imapserver.wire.events import CommandReceived, CommandRefused
from imapserver.wire.secret import Secret


class Incoming(Protocol):
    """What the client sends to one execution: lines under its tag, FEEDs, or the octets of a message."""

    async def next(self, take: Callable[[Any], bool] | None = None) -> Any:
        """Return what came first. While nobody takes it, the client is read no further.

        The short way: while this waits, what comes is offered to `take`, in the same step of the loop; it waits on if
        that has taken it."""

    def put(self, item: Any, octets: int) -> None:
        """Let it wait with the others, this large."""

    def put_back(self, item: Any) -> None:
        """Let what could not be used be the next one again."""

    def rest(self) -> list[Any]:
        """Return, without waiting, all that has not been taken."""

    def refuse_lines(self) -> None:
        """This execution takes no lines: those that came and those that will come are answered `* BAD`."""


class Dialogues(Protocol):
    """What the client sends to its executions. The coroutines raise ConnectionError once it is gone."""

    def open(self, tag: bytes, *, prompts: bool = False) -> Incoming:
        """A line under `tag` starts no command from now on. With `prompts` no line does, until the end of this
        execution: what the client sends waits for `ask`."""

    async def ask(self, text: str) -> bytes:
        """Send `+ text`, and return the client's next line. One caller at a time, of a dialogue with prompts."""

    def take_input(self) -> None:
        """Let the input come that a command has offered: as octets under its tag, none of them for its end."""

    def refuse_input(self) -> None:
        """Let what a command has offered be dropped, if the client sends it."""

    async def end(self, tag: bytes, data: bytes) -> None:
        """Send the tagged response that ends an execution; from then on the tag is free."""


class Conduit(Protocol):
    """The connection as the application sees it. All methods raise ConnectionError once the client is gone."""

    @property
    def mailbox(self) -> bytes:
        """The selected mailbox as the client named it; empty if none is."""

    @property
    def identified(self) -> bytes:
        """The first line of the last ID that the client has sent to the engine, as it came; empty: it has sent none."""

    @property
    def dialogues(self) -> Dialogues:
        """Those of its executions."""

    async def start_tls(self, answer: bytes) -> None:
        """Send `answer` and go on encrypted. The scope's `tls` is true afterwards."""

    def log_in(self, engine: EngineConnection | None, served: frozenset[bytes]) -> None:
        """Enter the authenticated state. With an engine, the connection relays by itself from now on; commands
        named in `served` (in capitals) are handed up beside those of the state table."""

    @property
    def engine_lost(self) -> bool:
        """Whether the engine is what ends this connection, and not the client."""

    async def write(self, data: bytes) -> None:
        """Send whole responses, between two of the engine's. Returns when the client can take more."""

    def write_now(self, data: bytes) -> bool:
        """As write(), if that need not wait. False: nothing was sent, and write() is to be used."""

    async def settle(self) -> bool:
        """Return when the engine has answered all that was relayed to it. False: it does not, it has fallen silent."""

    async def ask_for_news(self) -> None:
        """Have the engine send what is new in the mailbox, and return when the client has been sent it.

        A NOOP of the server's own, in turn with what is in flight; IDLE is left for it and entered again."""

    async def fetch(self, uid: int, limit: int, content: IO[bytes]) -> int | None:
        """Have the engine give one message of the selected mailbox, write it to `content`, and return its size.

        None: there is none of this UID. One of more than `limit` octets is not written. In turn, as ask_for_news().
        ConnectionError or TimeoutError if it can't be had."""

    def end(self, text: str) -> None:
        """Have the connection gone within a second: `imap.ended` comes, and if that does not lead to a BYE in time,
        this text is sent as one, and the client is cut off. Raises nothing."""

    def relay_logout(self, tag: bytes) -> bool:
        """Hand LOGOUT to the engine, whose answer ends the connection. False: there is no engine (any more)."""


class ImapScope(TypedDict):
    type: Literal["imap"]
    asgi: dict[str, str]
    client: tuple[str, int]
    server: tuple[str, int]
    connection: str
    """An id for logs."""
    tls: bool
    start_tls: bool
    """Whether the server has a certificate for STARTTLS."""
    engine: Engine
    conduit: Conduit


# From the server


class ImapConnect(TypedDict):
    type: Literal["imap.connect"]


class ImapCommand(TypedDict):
    type: Literal["imap.command"]
    command: CommandReceived


class ImapRefused(TypedDict):
    """A command that IMAPX serves could not be read, and its BAD is sent. Unless that ends the connection, it is held
    as by `imap.command`, until `imap.next`."""

    type: Literal["imap.refused"]
    refused: CommandRefused


class ImapLine(TypedDict):
    """Answers `imap.continue`. It may hold a password."""

    type: Literal["imap.line"]
    line: Secret


class ImapShutdown(TypedDict):
    """The server is draining: executions may go on for so many seconds."""

    type: Literal["imap.shutdown"]
    seconds: float


class ImapEnded(TypedDict):
    """`Conduit.end` was called: end what runs, say BYE, and close, within half a second."""

    type: Literal["imap.ended"]


class ImapIdentified(TypedDict):
    """`Conduit.identified` is another."""

    type: Literal["imap.identified"]


class ImapEngineLost(TypedDict):
    """The engine is gone, between two responses: say what is left to say, soon, and close."""

    type: Literal["imap.engine_lost"]
    reason: str
    """What the client is told; empty if the engine has said BYE itself."""


class ImapDisconnect(TypedDict):
    type: Literal["imap.disconnect"]


# From the application


class ImapResponse(TypedDict):
    """Whole responses, to be sent between two of the engine's."""

    type: Literal["imap.response"]
    data: bytes


class ImapContinue(TypedDict):
    """Send `+ text`; the client's next line comes as `imap.line`."""

    type: Literal["imap.continue"]
    text: str


class ImapNext(TypedDict):
    """The command is answered, or a task will answer it: hand up the next one. `bad` counts it as a bad command."""

    type: Literal["imap.next"]
    bad: bool


class ImapClose(TypedDict):
    """Close when all has been sent."""

    type: Literal["imap.close"]
