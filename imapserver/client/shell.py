"""A command line on EXECUTE, for a person or a script."""

import imaplib
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from imapserver.client.blocking import ExecuteMixin
from imapserver.client.result import ExecuteError, Refused, Result, Verb
from imapserver.client.terminal import Terminal

HELP = """\
A verb and its arguments run it:     blacklist add joe@smith.com
Quotes are as in a shell:            blacklist add 'joe smith'@example.com
A file as its input:                 send joe@smith.com < message.eml
A dialogue goes on until its end:    calendar
    Ctrl-D or a line * cancels it; a file as its input (calendar < lines) is sent whole.
verbs             what you may run, and how it is called
describe VERB     what it takes, as JSON Schema
run VERB …        the same as VERB …, for verbs that are named like one of these
. LIST "" *       an IMAP command as it is; where the server asks for more (+), a line is read
help, quit
"""

COMMANDS = ("describe", "help", "quit", "run", "verbs")
INPUT = re.compile(r"(?P<command>.*\S)\s*<\s*(?P<file>\S.*)", re.DOTALL)

STATUS = {"TIMEOUT": 124, "NOPERM": 126, "CANCELED": 130}
"""As shells have them, where they have."""
USAGE_STATUS, OTHER_STATUS, SIGNAL_STATUS = 2, 1, 128

LOST = (OSError, imaplib.IMAP4.abort)


class Shell:
    def __init__(self, connect: Callable[[], ExecuteMixin], terminal: Terminal) -> None:
        """`connect` returns a connection that is logged in; it is called again when one is lost."""
        self._connect = connect
        self._terminal = terminal
        self._imap = connect()
        self._verbs: dict[str, Verb] = {}
        self._learn()

    def run(self) -> int:
        """Read and run commands to the end of input; the exit status of the last one."""
        status = 0
        while True:
            try:
                line = self._terminal.line("imapx> ", completing=True)
            except KeyboardInterrupt:
                self._terminal.write("\n")
                continue
            if line is None or line.strip() in ("quit", "exit"):
                return status
            if line.strip() and not line.lstrip().startswith("#"):
                status = self.execute(line.strip())

    def execute(self, line: str) -> int:
        """Run one line; its exit status. An error has been told by then."""
        try:
            return self._execute(line)
        except ExecuteError as error:
            return self._ended(error.result)
        except LOST as error:
            self._terminal.complain(f"The connection is lost: {error}")
            self._reconnect()
        except (ValueError, imaplib.IMAP4.error) as error:
            self._terminal.complain(str(error))
            return USAGE_STATUS
        except KeyboardInterrupt:
            self._terminal.complain("interrupted")
            self._reconnect()
            return STATUS["CANCELED"]
        return OTHER_STATUS

    def close(self) -> None:
        try:
            self._imap.logout()
        except (OSError, imaplib.IMAP4.error):
            pass

    def _execute(self, line: str) -> int:
        if line.startswith("."):
            return self._raw(line[1:].strip())
        words, file = _split(line)
        match words:
            case ["help"]:
                self._terminal.write(HELP)
            case ["verbs"]:
                self._learn()
                for verb in self._verbs.values():
                    self._terminal.show("STDOUT", f"{verb.name} ({verb.mode}) {verb.usage}".rstrip().encode() + b"\n")
            case ["describe", verb]:
                described = json.dumps(self._imap.describe(verb), indent=2, ensure_ascii=False)
                self._terminal.show("STDOUT", described.encode() + b"\n")
            case ["describe", *_] | ["run"]:
                raise ValueError("expected the name of a verb: verbs lists them")
            case ["run", verb, *arguments]:
                return self._run(verb, arguments, file)
            case [verb, *arguments]:
                return self._run(verb, arguments, file)
        return 0

    def _run(self, verb: str, arguments: list[str], file: Path | None) -> int:
        words = [argument.encode("utf-8", "surrogateescape") for argument in arguments]
        show = self._terminal.show
        try:
            input = file.read_bytes() if file is not None else None
        except OSError as error:
            raise ValueError(f"{file} can't be read: {error.strerror}") from error
        interactive = verb.lower() in self._verbs and self._verbs[verb.lower()].interactive
        if not interactive:
            result = self._imap.execute(verb, *words, input=input, show=show)
        elif input is not None:
            result = self._feed(verb, words, input)
        else:
            result = self._imap.converse(verb, *words, show=show, ask=lambda: self._ask(f"{verb}> "))
        return self._ended(result)

    def _feed(self, verb: str, arguments: list[bytes], input: bytes) -> Result:
        """A dialogue with a file: all of it is sent, then its output is shown."""
        with self._imap.dialogue(verb, *arguments) as dialogue:
            try:
                dialogue.write(input)
                dialogue.close_input()
            except BrokenPipeError:
                pass  # it has ended, or will when it likes; its end tells
            while output := dialogue.read(65536):
                self._terminal.show("STDOUT", output)
            result = dialogue.wait()
            self._terminal.show("STDERR", result.errors)
            return result

    def _raw(self, line: str) -> int:
        status = self._imap.command(
            line.encode("utf-8", "surrogateescape"),
            show=lambda data: self._terminal.show("STDOUT", data),
            ask=lambda: self._ask("+ "),
        )
        return 0 if status.condition == "OK" else OTHER_STATUS

    def _ask(self, prompt: str) -> bytes | None:
        try:
            line = self._terminal.line(prompt)
        except KeyboardInterrupt:
            return None
        return None if line is None else line.encode("utf-8", "surrogateescape")

    def _ended(self, result: Result) -> int:
        """Tell of an end that is not plain success, and return the exit status that says the same."""
        if result.output:
            self._terminal.show("STDOUT", result.output)
        if result.ok:
            self._terminal.end_line()
            return 0
        self._terminal.complain(result.end.shown)
        name, _, number = result.end.code.partition(" ")
        if result.end.condition == "BAD":
            return USAGE_STATUS
        if name in ("EXIT", "SIGNAL") and number.isdecimal():
            return min(int(number), 255) if name == "EXIT" else SIGNAL_STATUS + int(number)
        return STATUS.get(name, OTHER_STATUS)

    def _learn(self) -> None:
        try:
            self._verbs = {verb.name: verb for verb in self._imap.verbs()}
        except Refused as error:
            self._terminal.complain(f"The verbs can't be listed: {error}")
        self._terminal.complete(self._verbs.values())

    def _reconnect(self) -> None:
        self._imap.shutdown()
        self._imap = self._connect()
        if self._terminal.interactive:
            self._terminal.complain("Connected and logged in anew.")


def _split(line: str) -> tuple[list[str], Path | None]:
    """The words of a line, and the file behind `<`. ValueError for a quotation that is not closed."""
    redirected = INPUT.fullmatch(line)
    if redirected:
        try:
            words, names = shlex.split(redirected["command"]), shlex.split(redirected["file"])
            if len(names) == 1:
                return words, Path(names[0]).expanduser()
        except ValueError:
            pass  # the `<` is inside of quotes
    return shlex.split(line), None
