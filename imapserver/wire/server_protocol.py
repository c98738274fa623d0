"""The side that faces the client: give it bytes, take events.

Commands of the engine's come out as they came in, line by line and literal by literal, so that nothing is
held back; commands of IMAPX's come out whole. Where only the engine can tell how a command goes on (a
synchronizing literal, IDLE) no event comes until the caller says what the engine answered: to guess there
is how commands are smuggled.
"""

import re
from collections.abc import Callable

from imapserver.wire import limits
from imapserver.wire.events import (
    CommandReceived,
    CommandRefused,
    ContinuationLine,
    DialogueLine,
    Event,
    InputOctets,
    LiteralWanted,
    RelayContinued,
    RelayStarted,
)
from imapserver.wire.exceptions import BadSyntax, Violation
from imapserver.wire.fragments import Announcement, Lines, announcement, check_octets
from imapserver.wire.plain import plain_command
from imapserver.wire.state import State, Verdict, verdict
from imapserver.wire.syntax import ATOM, TAG, Fragment, Literal

HEAD = re.compile(rb"(" + TAG.pattern + rb") (" + ATOM.pattern + rb")((?: .*)?)", re.DOTALL)
RELAYED_AT_ONCE = 64 * 1024


class ServerProtocol:
    """One client's commands. After each event of the kind CommandReceived the caller answers, then goes on."""

    def __init__(self) -> None:
        self.state = State.NOT_AUTHENTICATED
        self.relaying = False
        """True: an engine is attached, and its commands are relayed; else all are served."""
        self.served: frozenset[bytes] = frozenset()
        """Names of commands that IMAPX serves after login beside those of the table: the action verbs."""
        self._unasked = 0
        self._lines = Lines()
        self._limits = limits.NOT_AUTHENTICATED
        self._dialogues: set[bytes] = set()
        self._step: Callable[[], Event | None] = self._read_command
        # The command that is being read.
        self._tag = b""
        self._name = b""
        self._fragments: list[Fragment] = []
        self._text = 0
        self._literals = 0
        self._octets = 0
        self._announced: Announcement | None = None
        self._refusal: str | None = None
        self._serving = (b"", b"")
        """Name and text of the first line of a command that IMAPX serves, while it is being collected."""
        self._prompting = False

    # What the caller tells

    def receive_data(self, data: bytes) -> None:
        if self._step != self._ended:
            self._lines.feed(data)

    def receive_plain(self, data: bytes) -> RelayStarted | DialogueLine | None:
        """Take `data` if it is just one command of the engine's without a literal, or one line of a dialogue, as most
        are: this is its event.

        The one that `receive_data` and `next_event` would give, in a third of the time. None: nothing is taken, and
        they are to decide."""
        if self._step != self._read_command or self._lines.buffer or len(data) > self._limits.line:
            return None
        tag, _, text = data.partition(b" ")
        if tag in self._dialogues:
            whole = text.endswith(b"\r\n") and text.count(b"\n") == 1
            return DialogueLine(tag, text[:-2]) if whole else None
        return plain_command(data, self.served) if self.relaying else None

    def next_event(self) -> Event | None:
        """Return the next event; None until more data, or the engine's answer, has come."""
        try:
            return self._step()
        except Violation as violation:
            self._step = self._ended
            self._lines = Lines()
            return self._refused(str(violation), fatal=True)

    def log_in(self, *, relaying: bool, served: frozenset[bytes], unasked: int = limits.LITERAL_SIZE) -> None:
        """`unasked`: the largest non-synchronizing literal that the engine takes (RFC 7888): to others it would be
        text and commands what is a literal here."""
        self.state = State.AUTHENTICATED
        self.relaying = relaying
        self.served = served
        self._unasked = unasked
        self._limits = limits.AUTHENTICATED

    def expect_continuation(self) -> None:
        """The next line belongs to the command that is being served (RFC 3501 section 6.2.2)."""
        self._step = self._read_continuation

    def begin_prompts(self) -> None:
        """No more commands: a line is read when `expect_continuation` says so, until `end_prompts`."""
        self._prompting = True
        self._step = self._await_prompt

    def end_prompts(self) -> None:
        self._prompting = False
        if self._step in (self._await_prompt, self._read_continuation):
            self._step = self._read_command

    def take_input(self) -> bool:
        """The octets that CommandReceived has offered are wanted. True: the client waits for a `+` from the caller."""
        self._step = self._read_input
        return self._announced is not None and self._announced.synchronizing

    def refuse_input(self) -> None:
        """They are not: they are dropped, if they come, and with them the rest of their command."""
        self._drop(self._announced)

    def begin_dialogue(self, tag: bytes) -> None:
        """From now on a line under `tag` is a DialogueLine."""
        self._dialogues.add(tag)

    def end_dialogue(self, tag: bytes) -> None:
        self._dialogues.discard(tag)

    def engine_continued(self) -> bool:
        """The engine sent `+`. True: it was awaited, and events may come again."""
        if self._step == self._await_literal:
            self._step = self._read_relayed_literal
        elif self._step == self._await_idle:
            self._step = self._read_idle_end
        else:
            return False
        return True

    def engine_completed(self, tag: bytes) -> bool:
        """The engine sent its tagged response to `tag`. True: it was awaited, and events may come again."""
        if tag == self._tag and self._step in (self._await_literal, self._await_idle, self._read_idle_end):
            self._step = self._read_command
            return True
        return False

    # What the caller may ask

    def __len__(self) -> int:
        """Octets that have come and are in no event yet."""
        return len(self._lines)

    @property
    def between_commands(self) -> bool:
        """Whether the engine has had whole commands only, so that one of ours may follow."""
        return self._step not in (
            self._await_literal,
            self._await_idle,
            self._read_relayed_literal,
            self._read_relayed_line,
            self._read_idle_end,
            self._ended,
        )

    @property
    def in_idle(self) -> bool:
        """The engine has said that it idles, and the client has not said DONE."""
        return self._step == self._read_idle_end

    @property
    def idling(self) -> bool:
        return self._step in (self._await_idle, self._read_idle_end)

    # Steps: each returns an event or None, and sets the next step

    def _ended(self) -> Event | None:
        return None

    def _read_command(self) -> Event | None:
        self._tag, self._serving = b"", (b"", b"")
        line = self._lines.take_line(self._limits.line)
        if line is None:
            return None
        tag, _, text = line.partition(b" ")
        if tag in self._dialogues:
            return DialogueLine(tag, text)
        head = HEAD.fullmatch(line)
        if len(tag) <= limits.TAG and (head or TAG.fullmatch(tag)):
            self._tag = tag
        if head is None or not self._tag:
            return self._refuse_line(b"", line, "a tag and a command are expected")
        name = head[2].upper()
        decided = verdict(self.state, name)
        relayed = decided is Verdict.RELAY and self.relaying and name not in self.served
        if not relayed and decided is Verdict.REFUSE:
            return self._refuse_line(name, line, "unknown command, or not possible in this state")
        if not relayed:
            self._serving = (name, head[3])
        try:
            announced = announcement(line)
        except BadSyntax as error:
            return self._refused(str(error))
        if relayed:
            self._name, self._literals = name, 0
            self._step = self._after_relayed_line(announced)
            return RelayStarted(tag, name, line + b"\r\n")
        self._begin(name, announced)
        return self._served_line(head[3])

    def _begin(self, name: bytes, announced: Announcement | None) -> None:
        self._name, self._announced = name, announced
        self._fragments = []
        self._text = self._literals = self._octets = 0
        self._refusal = None

    def _refuse_line(self, name: bytes, line: bytes, reason: str) -> Event | None:
        """Refuse a command by its first line; literals that come without being asked for are skipped."""
        try:
            announced = announcement(line)
        except BadSyntax:
            announced = None
        self._begin(name, announced)
        self._refusal = reason
        return self._served_line(b"")

    # Commands that are served: collected whole, but for the input of an execution

    def _served_line(self, text: bytes) -> Event | None:
        self._fragments.append(text)
        self._text += len(text)
        announced = self._announced
        if announced is None:
            self._step = self._read_command
            if self._refusal is not None:
                return self._refused(self._refusal)
            return self._received()
        self._fragments[-1] = text[: text.rindex(b"{") - announced.binary] if text else b""
        if announced.size > limits.ARGUMENT and self._may_offer:
            self._octets = announced.size
            self._step = self._await_answer
            return self._received(offered=announced.size)
        self._literals += 1
        self._octets += announced.size
        most = limits.FEED if self._name == b"FEED" else self._limits.literals
        if self._octets > most or self._literals > self._limits.literal_count:
            if not announced.synchronizing:
                # It is on its way already; to read it all only to drop it is what a flood wants.
                raise Violation("too many literals, or too large")
            self._refusal = "too many literals, or too large"
        if self._refusal is not None and announced.synchronizing:
            self._step = self._read_command
            return self._refused(self._refusal)
        self._step = self._read_served_literal
        return LiteralWanted() if announced.synchronizing else self._step()

    def _received(self, offered: int | None = None) -> CommandReceived:
        fragments = tuple(self._fragments)
        self._fragments, self._serving = [], (b"", b"")  # a password is not kept here
        return CommandReceived(self._tag, self._name, fragments, offered)

    def _refused(self, text: str, *, fatal: bool = False) -> CommandRefused:
        (name, text_read), self._serving = self._serving, (b"", b"")
        return CommandRefused(self._tag or None, text, fatal, name, text_read)

    def _read_served_literal(self) -> Event | None:
        announced = self._announced
        if announced is None or len(self._lines) < announced.size:
            return None
        self._fragments.append(Literal(self._lines.take_octets(announced.size), announced.binary))
        self._step = self._read_served_line
        return self._step()

    def _read_served_line(self) -> Event | None:
        line = self._lines.take_line(self._limits.line - self._text)
        if line is None:
            return None
        try:
            self._announced = announcement(line)
        except BadSyntax as error:
            self._announced = None
            self._refusal = str(error)
        return self._served_line(line)

    @property
    def _may_offer(self) -> bool:
        return self._refusal is None and (self._name == b"EXECUTE" or self._name in self.served)

    def _read_input(self) -> Event | None:
        if self._octets:
            data = self._lines.take_octets(min(self._octets, RELAYED_AT_ONCE))
            self._octets -= len(data)
            return InputOctets(self._tag, data) if data else None
        line = self._lines.take_line(self._limits.line)
        if line is None:
            return None
        tag = self._tag
        if line:
            # It runs already, by half of what it was told; and its tag has its own end to come.
            self._tag = b""
            raise Violation("input must be the last argument")
        self._step = self._read_command
        return InputOctets(tag, b"")

    def _drop(self, announced: Announcement | None) -> None:
        """Go on behind a literal that nobody wants: one that the client waits with does not come any more."""
        if announced is None or announced.synchronizing:
            self._step = self._read_command
        else:
            self._octets = announced.size
            self._step = self._drop_octets

    def _drop_octets(self) -> Event | None:
        if self._octets > limits.DROPPED:
            raise Violation("a literal too large")
        self._octets -= len(self._lines.take_octets(self._octets))
        if self._octets:
            return None
        line = self._lines.take_line(self._limits.line)
        if line is None:
            return None
        try:
            self._drop(announcement(line))
        except BadSyntax:
            self._step = self._read_command
        return self._step()

    def _await_answer(self) -> Event | None:
        return None

    def _await_prompt(self) -> Event | None:
        return None

    def _read_continuation(self) -> Event | None:
        line = self._lines.take_line(2 * self._limits.line)
        if line is None:
            return None
        self._step = self._await_prompt if self._prompting else self._read_command
        return ContinuationLine(line)

    # Commands that are relayed: passed on as they come

    def _after_relayed_line(self, announced: Announcement | None) -> Callable[[], Event | None]:
        if announced is None:
            return self._await_idle if self._name == b"IDLE" else self._read_command
        self._literals += 1
        if self._literals > limits.RELAYED_LITERALS:
            raise Violation("too many literals")
        if not announced.synchronizing and announced.size > self._unasked:
            raise Violation("the mail engine takes no such literal without being asked")
        self._octets = announced.size
        return self._await_literal if announced.synchronizing else self._read_relayed_literal

    def _await_literal(self) -> Event | None:
        return None

    def _await_idle(self) -> Event | None:
        return None

    def _read_relayed_literal(self) -> Event | None:
        if self._octets == 0:
            self._step = self._read_relayed_line
            return self._step()
        data = self._lines.take_octets(min(self._octets, RELAYED_AT_ONCE))
        self._octets -= len(data)
        return RelayContinued(data, literal=True) if data else None

    def _read_relayed_line(self) -> Event | None:
        line = self._lines.take_line(self._limits.line)
        if line is None:
            return None
        try:
            self._step = self._after_relayed_line(announcement(line))
        except BadSyntax as error:
            # The engine has had the first half of this command: there is no way back.
            raise Violation(str(error)) from error
        return RelayContinued(line + b"\r\n")

    def _read_idle_end(self) -> Event | None:
        """RFC 2177: whatever this line is, it is no command; the engine says BAD unless it is DONE.

        A line of a dialogue is no command either, and the engine never hears of it: IDLE goes on."""
        line = self._lines.take_line(self._limits.line)
        if line is None:
            return None
        tag, _, text = line.partition(b" ")
        if tag in self._dialogues:
            return DialogueLine(tag, text)
        try:
            check_octets(line)
        except BadSyntax as error:
            # It can't be kept from the engine, which waits for a line, nor be shown to it as one.
            raise Violation(str(error)) from error
        self._step = self._read_command
        return RelayContinued(line + b"\r\n")
