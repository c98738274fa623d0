"""EXECUTE for imaplib: a mixin that leaves everything else of it as it is.

imaplib aborts on a tagged line that it does not expect, and keeps untagged responses by name, not by tag. So what
belongs to executions is taken out where it comes in, under tags of this module's own.
"""

import imaplib
import itertools
import json
from collections.abc import Callable
from typing import Any

from imapserver.client import syntax
from imapserver.client.dialogue import Dialogue
from imapserver.client.received import LITERAL, OUTPUT, STATUS_RESPONSE, Received, Show
from imapserver.client.result import Result, Status, Verb, listed, refuse
from imapserver.client.transport import Transport

Ask = Callable[[], str | bytes | None]
"""Returns the line that a program wants; None cancels it."""


class ExecuteMixin(Transport):
    """`class Imap(ExecuteMixin, imaplib.IMAP4_SSL)`. For one thread at a time, as imaplib is.

    While one call waits, what comes for open dialogues is kept for them. A dialogue of which more than `unread` octets
    are kept is canceled; reading from it raises Overrun. All raise imaplib's `error` before login, its `abort` when the
    connection is lost, and Refused (see `result`)."""

    def execute(
        self, verb: str, *arguments: str | bytes, input: bytes | None = None, show: Show | None = None
    ) -> Result:
        """Run a one-shot verb to its end. `input`: for a verb that takes a message. `show` is called with the output
        as it comes, which the result is then without."""
        tag, received = self._start(syntax.execute(verb, arguments), input, Received(show))
        received.all_wanted = True
        try:
            self._wait(lambda: received.end is not None or received.executing)
        except BaseException:
            self._abandon(tag)
            raise
        if received.executing:
            self._abandon(tag)
            self._wait(lambda: received.end is not None)
        return refuse(self._finish(tag, received))

    def dialogue(self, verb: str, *arguments: str | bytes) -> Dialogue:
        """Open an interactive verb, in the framed form: any octets, and any number of dialogues at once.

        To be used in `with`, which cancels what has not ended by then."""
        tag, received = self._start(syntax.execute(verb, arguments, "FRAMED"), None, Received())
        # Nothing, fed: the answer tells that it runs, which the framed form does not say by itself.
        feed = self._begin(syntax.feed(tag, b""))
        self._wait(lambda: self._answers[feed] is not None or received.waiting > 0 or received.end is not None)
        if self._answered(feed) != "OK" and not received.waiting:
            self._wait(lambda: received.waiting > 0 or received.end is not None)
        if received.end is not None and received.end.code.partition(" ")[0] != "EXIT":
            refuse(self._finish(tag, received))
        return Dialogue(self, tag, received)

    def converse(self, verb: str, *arguments: str | bytes, show: Show, ask: Ask) -> Result:
        """Run a verb in the prompt form: `show` gets its output, `ask` is called whenever it wants a line.

        Until its end the connection is its alone. None cancels it, and so does a line `*`."""
        tag, received = self._start(syntax.execute(verb, arguments, "PROMPT"), None, Received(show))
        while received.end is None:
            if self._receive():
                self.send(self._asked_line(ask, lambda: received.end is not None) + b"\r\n")
        return refuse(self._finish(tag, received))

    def command(self, line: str | bytes, *, show: Callable[[bytes], None], ask: Ask) -> Status:
        """Send a command as it is written. `show` gets what comes, as it comes; `ask` is called for each `+`.

        imaplib hears nothing of it: that a mailbox was selected, for example."""
        tag = self._begin(syntax.one_line(line))
        while True:
            response = self._read_line()
            if not response:
                raise self.abort("the server closed the connection")
            own = response.partition(b" ")[0] == tag
            if not own and self._take(response):
                continue
            show(response)
            if response.startswith(b"+"):
                self.send(self._asked_line(ask, lambda: self._answers[tag] is not None) + b"\r\n")
            elif not own:
                self._show_literals(response, show)
            elif (status := Status.parse(response)) and status.code == "EXECUTING":
                self._unanswered.add(self._begin(syntax.cancel(tag)))
            elif status is not None:
                del self._answers[tag]
                return status

    def _show_literals(self, response: bytes, show: Callable[[bytes], None]) -> None:
        while not STATUS_RESPONSE.match(response) and (literal := LITERAL.search(response)):
            show(self.read(int(literal[1])))
            response = self._read_line()
            show(response)

    def verbs(self) -> list[Verb]:
        """Those that this user may run."""
        tag, received = self._start(b"EXECUTE", None, Received())
        self._wait(lambda: received.end is not None)
        return listed(refuse(self._finish(tag, received)).output)

    def describe(self, verb: str) -> dict[str, Any]:
        """What the verb takes, as JSON Schema."""
        tag, received = self._start(syntax.execute(verb, (), "DESCRIBE"), None, Received())
        self._wait(lambda: received.end is not None)
        described: dict[str, Any] = json.loads(refuse(self._finish(tag, received)).output)
        return described

    def cancel(self, tag: str | bytes) -> bool:
        """End an execution of this connection, by its tag. False: there is none."""
        command = self._begin(syntax.cancel(tag))
        self._wait(lambda: self._answers[command] is not None)
        return self._answered(command) == "OK"

    # For dialogues

    def _feed(self, tag: bytes, data: bytes | None) -> bool:
        """False: it takes no more."""
        command = self._begin(syntax.feed(tag, data))
        self._wait(lambda: self._answers[command] is not None)
        return self._answered(command) == "OK"

    def _wait(self, done: Callable[[], bool]) -> None:
        while not done():
            self._wait_once()

    def _wait_once(self) -> None:
        self._receive()
        self._cancel_overrun()

    def _abandon(self, tag: bytes) -> None:
        """Cancel it; nobody wants what comes of it."""
        received = self._executions.get(tag)
        if received is not None:
            received.discard()
            if received.end is None:
                self._unanswered.add(self._begin(syntax.cancel(tag)))

    def _finish(self, tag: bytes, received: Received) -> Result:
        self._executions.pop(tag, None)
        return received.result()

    # Commands

    def _start(self, command: bytes, input: bytes | None, received: Received) -> tuple[bytes, Received]:
        if self.state not in ("AUTH", "SELECTED"):
            raise self.error(f"command EXECUTE illegal in state {self.state}, only allowed in states AUTH, SELECTED")
        tag = self._new_own_tag()
        self._executions[tag] = received
        if input is None:
            self.send(tag + b" " + command + b"\r\n")
            return tag, received
        self.send(tag + b" " + command + b" " + syntax.announcement(input) + b"\r\n")
        while received.end is None and not received.executing:
            if self._receive():
                self.send(input)
                self.send(b"\r\n")
                break
        return tag, received

    def _begin(self, command: bytes) -> bytes:
        """Send a command that gets an answer and no more; return its tag."""
        self._cancel_overrun()
        tag = self._new_own_tag()
        self._answers[tag] = None
        self.send(tag + b" " + command + b"\r\n")
        return tag

    def _cancel_overrun(self) -> None:
        while self._overrun:
            self._abandon(self._overrun.pop())

    def _answered(self, tag: bytes) -> str:
        """The condition in which a command was answered; empty: it has not been, and nobody will wait for that."""
        answer = self._answers.get(tag)
        if answer is None:
            self._unanswered.add(tag)
            return ""
        del self._answers[tag]
        return answer.condition

    def _new_own_tag(self) -> bytes:
        # imaplib's own begin with a capital letter.
        return b"x%d" % next(self._own_tags)

    def _asked_line(self, ask: Ask, ended: Callable[[], bool]) -> bytes:
        try:
            line = ask()
            return b"*" if line is None else syntax.one_line(line)
        except BaseException:
            # The server waits for a line, and would take the next command for it.
            self.send(b"*\r\n")
            self._wait(ended)
            raise

    # What imaplib calls

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self._own_tags = itertools.count(1)
        self._executions: dict[bytes, Received] = {}
        self._answers: dict[bytes, Status | None] = {}
        self._unanswered: set[bytes] = set()
        """Commands whose answer nobody waits for."""
        self._overrun: list[bytes] = []
        """Executions to be canceled at the next place for a command."""
        super().open(host, port, timeout)

    # Responses

    def _receive(self) -> bool:
        """Take the next response in. True: it is a continuation request."""
        line = self._read_line()
        if self._take(line):
            return False
        self._pushed = line
        return self._get_response() is None

    def _is_own(self, tag: bytes) -> bool:
        return tag in self._executions

    def _take(self, line: bytes) -> bool:
        head = OUTPUT.fullmatch(line)
        if head is not None:
            received = self._executions.get(head[1])
            if received is None:
                return False
            data = self.read(int(head[3]))
            self._read_line()
            received.put(head[2].decode(), data)
            if received.waiting > self.unread and not received.all_wanted:
                received.discard()
                received.overrun = True
                self._overrun.append(head[1])
            return True
        tag = line.partition(b" ")[0]
        if tag in self._executions:
            received = self._executions[tag]
            received.put_line(line)
            if received.end is not None and received.discarding:
                del self._executions[tag]
        elif tag in self._unanswered:
            self._unanswered.discard(tag)
            self._answers.pop(tag, None)
        elif tag in self._answers:
            self._answers[tag] = Status.parse(line)
        else:
            return False
        return True


class IMAP4(ExecuteMixin):
    """imaplib.IMAP4 with EXECUTE."""


class IMAP4_SSL(ExecuteMixin, imaplib.IMAP4_SSL):  # type: ignore[misc]  # open: the default port differs
    """imaplib.IMAP4_SSL with EXECUTE."""
