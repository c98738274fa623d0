"""imapx-calendar: a dialogue about the user's own calendar, $HOME/calendar.ics.

One line in, one answer out, until `quit` or the end of input; exit status 0. An answer is the lines asked for and
`ok`, or one line that begins with `error: `, after which the dialogue goes on. `help` lists the commands.
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


def main() -> int:
    home = os.environ.get("HOME")
    if not home:
        print("calendar: HOME is not set", file=sys.stderr)
        return EX_CONFIG
    for line in read_lines(sys.stdin.buffer.readline):
        try:
            words = split_line(line)
            if [word.lower() for word in words] == ["quit"]:
                break
            # Here, since the icalendar library takes three times as long to start as all the rest.
            from commands.programs.calendar_commands import answer

            lines = [*answer(f"{home}/calendar.ics", words), "ok"]
        except RefusedError as error:
            lines = [f"error: {error}"]
        try:
            sys.stdout.buffer.write("".join(f"{text}\n" for text in lines).encode())
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            os._exit(0)  # the client is gone; an ordinary end would try to flush once more, and complain
    return 0
