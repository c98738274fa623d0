"""Lines from a person, with editing, history and completion, or from a script; and output to either."""

import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import TextIO

from imapserver.client.result import Verb
from imapserver.client.visible import Visible, visible

CALL = re.compile(r"(?:^|\| )([a-z][a-z0-9-]*)")
"""In a usage, the words that a call may begin with."""

PIPE_STATUS = 141
"""As of a program in a shell that SIGPIPE ends."""


class Terminal:
    """Where standard input is no terminal, no line is prompted for; where output is none, octets go out as they are.

    History is kept in memory alone: arguments may be secret."""

    def __init__(self, words: Iterable[str]) -> None:
        """`words` are completed beside the verbs."""
        self.interactive = sys.stdin.isatty()
        self._words = tuple(words)
        self._verbs: dict[str, Verb] = {}
        self._completing = False
        self._visible = {"STDOUT": Visible(), "STDERR": Visible()}
        self._column = 0
        if self.interactive:
            self._use_readline()

    def complete(self, verbs: Iterable[Verb]) -> None:
        self._verbs = {verb.name: verb for verb in verbs}

    def line(self, prompt: str, *, completing: bool = False) -> str | None:
        """The next line; None at the end of input. Ctrl-C is a KeyboardInterrupt."""
        self.end_line()
        self._completing = completing
        if not self.interactive:
            line = sys.stdin.buffer.readline()
            return line.decode("utf-8", "surrogateescape").rstrip("\r\n") if line else None
        try:
            return input(prompt)
        except EOFError:
            self.write("\n")
            return None

    # Output

    def show(self, stream: str, data: bytes) -> None:
        """A piece of a program's output."""
        out = sys.stderr if stream == "STDERR" else sys.stdout
        if out.isatty():
            text = self._visible[stream].text(data)
            if text:
                self._column = 0 if text.endswith("\n") else 1
            data = text.encode()
        self._put(out, data)

    def write(self, text: str) -> None:
        """Text of this program's own, made of lines."""
        self._put(sys.stdout, text.encode())
        self._column = 0

    def complain(self, text: str) -> None:
        self.end_line()
        sys.stderr.write(visible(text) + "\n")
        sys.stderr.flush()

    def _put(self, out: TextIO, data: bytes) -> None:
        try:
            out.buffer.write(data)
            out.flush()
        except BrokenPipeError:
            # Whoever read it wants no more. Python would complain once more when it closes the stream.
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
            sys.exit(PIPE_STATUS)

    def end_line(self) -> None:
        """Let what follows begin a line of its own."""
        for visible_stream, out in zip(self._visible.values(), (sys.stdout, sys.stderr), strict=True):
            if out.isatty() and (rest := visible_stream.text(b"", final=True)):
                self._put(out, rest.encode())
                self._column = 1
        if self._column and sys.stdout.isatty():
            self.write("\n")

    # Editing

    def _use_readline(self) -> None:
        try:
            import readline
        except ImportError:
            return  # a Python without it has a plain input()
        readline.set_completer_delims(" \t")
        readline.parse_and_bind("tab: complete")
        readline.set_completer(self._completer(readline.get_line_buffer, readline.get_begidx))

    def _completer(self, line: Callable[[], str], begin: Callable[[], int]) -> Callable[[str, int], str | None]:
        def complete(text: str, state: int) -> str | None:
            found = [word for word in self._fitting(line()[: begin()].split()) if word.startswith(text)]
            return found[state] + " " if state < len(found) else None

        return complete

    def _fitting(self, before: list[str]) -> list[str]:
        if not self._completing:
            return []
        if not before:
            return sorted({*self._words, *self._verbs})
        if before in (["describe"], ["run"]):
            return sorted(self._verbs)
        verb = self._verbs.get(before[-1])
        return CALL.findall(verb.usage) if verb and before in ([verb.name], ["run", verb.name]) else []
