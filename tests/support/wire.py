"""Feeding the wire: the same octets whole, one by one and cut at random must give the same events."""

import random
import re
from collections.abc import Callable, Collection, Iterable, Iterator

from hypothesis import HealthCheck, settings

from imapserver.wire.events import (
    CommandReceived,
    CommandRefused,
    DialogueLine,
    Event,
    InputOctets,
    RelayContinued,
    RelayStarted,
)
from imapserver.wire.server_protocol import ServerProtocol

THOROUGH = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
"""For properties: the same examples on each run, and no complaint about a busy machine."""

ANNOUNCED = re.compile(rb"\{(\d+)(\+?)\}\r\n\Z")
IDLE = re.compile(rb"\S+ IDLE\b", re.IGNORECASE)


def pieces(data: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    """`data` cut at these offsets, in any order."""
    start = 0
    for end in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        yield data[start:end]
        start = end


def cuttings(data: bytes) -> Iterator[list[bytes]]:
    """`data` octet by octet, and in pieces of random lengths, mostly short."""
    yield list(pieces(data, range(1, len(data))))
    for seed in range(3):
        chance = random.Random(seed)
        cuts, cut = [], 0
        while cut < len(data):
            cut += chance.choice((1, 2, 5, 17, 300))
            cuts.append(cut)
        yield list(pieces(data, cuts))


class Engine:
    """A mail engine as naive as can be: `{n}` at the end of any line announces a literal, whatever stands before it.

    `answer` is what it has said to the last octets: `+` where it waits, `NO` instead for the tags in `refuses`.
    """

    def __init__(self, refuses: Collection[bytes] = ()) -> None:
        self.commands: list[bytes] = []
        self.answer = ""
        self._refuses = refuses
        self._buffer = b""
        self._command = b""
        self._literal = 0
        self._idling = False

    @property
    def between(self) -> bool:
        """Whether the next octet starts a command."""
        return not self._command and not self._buffer

    @property
    def idling(self) -> bool:
        """Whether the next octet starts the line that ends IDLE, or a dialogue's."""
        return self._idling and not self._buffer

    def receive(self, data: bytes) -> None:
        self.answer = ""
        self._buffer += data
        while self._buffer and not self.answer:
            if self._literal:
                taken = min(self._literal, len(self._buffer))
                self._literal -= taken
                self._move(taken)
            elif (end := self._buffer.find(b"\r\n")) >= 0:
                self._line(self._move(end + 2))
            else:
                break

    def _move(self, octets: int) -> bytes:
        moved, self._buffer = self._buffer[:octets], self._buffer[octets:]
        self._command += moved
        return moved

    def _line(self, line: bytes) -> None:
        announced = ANNOUNCED.search(line)
        if self._idling:
            self._idling = False
            self._end()
        elif announced:
            self._literal = int(announced[1])
            if not announced[2]:
                self._ask()
        elif IDLE.match(self._command):
            self._idling = True
            self._ask()
        else:
            self._end()

    def _ask(self) -> None:
        self.answer = "+"
        if self._command.split(b" ")[0] in self._refuses:
            self.answer = "NO"
            self._literal = 0
            self._idling = False
            self._end()

    def _end(self) -> None:
        self.commands.append(self._command)
        self._command = b""


class Conversation:
    """A ServerProtocol with the caller and the engine that it needs; `on_command` is told of each served command.

    Runs of literal octets are joined: how they come apart depends on how they came.
    """

    def __init__(
        self,
        *,
        logged_in: bool = True,
        relaying: bool = True,
        served: Collection[bytes] = (),
        dialogues: Collection[bytes] = (),
        refuses: Collection[bytes] = (),
        on_command: Callable[[ServerProtocol, CommandReceived], None] | None = None,
    ) -> None:
        self.wire = ServerProtocol()
        if logged_in:
            self.wire.log_in(relaying=relaying, served=frozenset(served))
        for tag in dialogues:
            self.wire.begin_dialogue(tag)
        self.engine = Engine(refuses)
        self.events: list[Event] = []
        self.relayed = b""
        self._on_command = on_command

    def feed(self, chunks: Iterable[bytes]) -> list[Event]:
        """Return all events so far."""
        for chunk in chunks:
            self.wire.receive_data(chunk)
            while (event := self.wire.next_event()) is not None:
                self._take(event)
        return self.events

    def _take(self, event: Event) -> None:
        match event:
            case CommandReceived() | RelayStarted() | CommandRefused(fatal=False):
                assert self.engine.between, f"inside of another command: {event}"
            case DialogueLine():
                assert self.engine.between or self.engine.idling, f"inside of another command: {event}"
        last = self.events[-1] if self.events else None
        match event, last:
            case RelayContinued(literal=True), RelayContinued(literal=True):
                self.events[-1] = RelayContinued(last.data + event.data, literal=True)
            case InputOctets(tag=tag), InputOctets(tag=same) if tag == same and event.data and last.data:
                self.events[-1] = InputOctets(tag, last.data + event.data)
            case _:
                self.events.append(event)
        match event:
            case RelayStarted() | RelayContinued():
                self._relay(event.data)
            case CommandReceived() if self._on_command is not None:
                self._on_command(self.wire, event)

    def _relay(self, data: bytes) -> None:
        self.relayed += data
        self.engine.receive(data)
        if self.engine.answer == "+":
            assert self.wire.engine_continued()
        elif self.engine.answer == "NO":
            assert self.wire.engine_completed(self.engine.commands[-1].split(b" ")[0])


def converse(data: bytes, **caller) -> list[Event]:
    """The events of `data`, for a Conversation with this caller; they must not depend on how it is cut."""
    whole = Conversation(**caller).feed([data])
    for chunks in cuttings(data):
        assert Conversation(**caller).feed(chunks) == whole
    return whole


def before_login(data: bytes) -> list[Event]:
    return converse(data, logged_in=False)


def refusals(events: Iterable[Event]) -> list[tuple[bytes | None, bool]]:
    """Tag, and whether it is fatal, of events that must all be refusals."""
    refused = []
    for event in events:
        assert isinstance(event, CommandRefused)
        refused.append((event.tag, event.fatal))
    return refused
