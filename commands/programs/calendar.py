"""imapx-calendar: a dialogue about the user's own calendar, $HOME/calendar.ics.

One line in, one answer out, until `quit` or the end of input; exit status 0. An answer is the lines asked for and
`ok`, or one line that begins with `error: `, after which the dialogue goes on. `help` lists the commands.

imapx-calendar COMMAND...: that one command alone. Its lines without `ok`, and status 0, or the error's text and 1.
"""

import os
import sys
from collections.abc import Callable, Iterator

from commands.programs.refused import RefusedError

EX_CONFIG = 78  # sysexits.h

LINE_LENGTH = 4096  # bytes; the rest of a longer line is thrown away unread


def read_lines(readline: Callable[[int], bytes]) -> Iterator[bytes]:
    """Lines without their ends; of one that is too long, one byte more than the limit."""
    while line := readline(LINE_LENGTH + 2):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = readline(LINE_LENGTH)
        yield line.removesuffix(b"\n").removesuffix(b"\r")


def split_line(line: bytes) -> list[str]:
    if len(line) > LINE_LENGTH:
        raise RefusedError(f"the line is longer than {LINE_LENGTH} bytes")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise RefusedError("expected a line of UTF-8 text") from None
    words = text.split()
    if any(c < " " or "\x7f" <= c <= "\x9f" for c in "".join(words)):
        raise RefusedError("expected a line without control characters")
    return words


def answer(home: str, line: bytes) -> list[str] | None:
    """The lines of the answer; None for `quit`. Raises RefusedError."""
    words = split_line(line)
    if [word.lower() for word in words] == ["quit"]:
        return None
    # Here, since the icalendar library takes three times as long to start as all the rest.
    from commands.programs import calendar_commands

    return calendar_commands.answer(f"{home}/calendar.ics", words)


def write(lines: list[str]) -> None:
    try:
        sys.stdout.buffer.write("".join(f"{text}\n" for text in lines).encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(0)  # the client is gone; an ordinary end would try to flush once more, and complain


def run_once(home: str, line: bytes) -> int:
    try:
        write(answer(home, line) or [])
    except RefusedError as error:
        write([str(error)])
        return 1
    return 0


def run_dialogue(home: str) -> int:
    for line in read_lines(sys.stdin.buffer.readline):
        try:
            lines = answer(home, line)
        except RefusedError as error:
            write([f"error: {error}"])
            continue
        if lines is None:
            break
        write([*lines, "ok"])
    return 0


def main() -> int:
    home = os.environ.get("HOME")
    if not home:
        print("calendar: HOME is not set", file=sys.stderr)
        return EX_CONFIG
    arguments = sys.argv[1:]
    return run_once(home, os.fsencode(" ".join(arguments))) if arguments else run_dialogue(home)
