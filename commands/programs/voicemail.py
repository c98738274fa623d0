# pathlib would cost more than all else that a program of this size does at its start.
# ruff: noqa: PTH123
"""imapx-voicemail --directory PATH (list | fetch WHICH | delete WHICH): a user's voice recordings in a directory.

PATH is absolute and the operator's; `{user}` in it is the user's name: /var/spool/voicemail/{user}. WHICH is the number
of the list, or the name. `list` gives a line for each, the oldest first: number, date, caller, seconds, bytes, name,
with a tab between two, and `-` for what isn't known. `fetch` writes the recording to standard output, byte for byte.

Exit status: 0 done; 1 there is no such recording; 64 wrong usage; 74 it can't be read or deleted; 78 no directory. Of
1 and 74 standard output says why, for the user, unless a part of the recording was written already.
"""

import os
import sys
import time

from commands.programs import recordings
from commands.programs.recordings import Recording
from commands.programs.refused import RefusedError

EX_USAGE, EX_IOERR, EX_CONFIG = 64, 74, 78  # sysexits.h

CHUNK = 256 * 1024  # bytes: what the pipe of a program's output holds

NOT_FOUND = "there is no such recording"
USAGE = "usage: imapx-voicemail --directory PATH (list | fetch WHICH | delete WHICH)"


def show(number: int, recording: Recording) -> str:
    date = time.strftime("%Y-%m-%d %H:%M", time.localtime(recording.time))
    seconds = "-" if recording.seconds is None else str(recording.seconds)
    words = (str(number), date, recording.caller or "-", seconds, str(recording.size), recording.name)
    return "\t".join(map(printable, words))


def printable(text: str) -> str:
    """No tab or line break of a caller's makes a word or a line, nor does a terminal's control get through."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def find(directory: int, which: str) -> str:
    """The name. A file is never opened by what the user wrote, only by what is in the list."""
    found = recordings.list_recordings(directory)
    if which.isascii() and which.isdecimal():
        found = found[int(which) - 1 : int(which)] if 0 < int(which) <= len(found) else []
    else:
        found = [recording for recording in found if recording.name == which]
    if not found:
        raise RefusedError(NOT_FOUND)
    return found[0].name


def fetch(directory: int, name: str) -> int:
    """The exit status. Raises OSError as long as nothing was written: no text may stand in a recording."""
    with open(recordings.open_recording(directory, name), "rb", buffering=0) as file:
        data = file.read(CHUNK)
        while data:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            try:
                data = file.read(CHUNK)
            except OSError as error:
                return fail(str(error), EX_IOERR)
    return 0


def run(template: str, arguments: list[str]) -> int:
    try:
        directory = recordings.open_directory(template, os.environ.get("IMAPX_USER", ""))
    except OSError as error:
        return fail(str(error), EX_CONFIG)
    match arguments:
        case ["list"]:
            found = [] if directory is None else recordings.list_recordings(directory)
            print("".join(f"{show(number, each)}\n" for number, each in enumerate(found, 1)), end="")
        case ["fetch" | "delete" as action, which]:
            if directory is None:
                raise RefusedError(NOT_FOUND)
            name = find(directory, which)
            if action == "fetch":
                return fetch(directory, name)
            recordings.delete_recording(directory, name)
        case _:
            return fail(USAGE, EX_USAGE)
    return 0


def main() -> int:
    if len(sys.argv) < 4 or sys.argv[1] != "--directory" or not sys.argv[2].startswith("/"):
        return fail(USAGE, EX_USAGE)
    try:
        return run(sys.argv[2], sys.argv[3:])
    except RefusedError as error:
        print(error)
        return 1
    except BrokenPipeError:
        os._exit(EX_IOERR)  # the client is gone; an ordinary end would try to flush once more, and complain
    except OSError as error:
        print(f"the recording can't be read or deleted now: {error.strerror}")
        return fail(str(error), EX_IOERR)


def fail(text: str, status: int) -> int:
    print(f"voicemail: {text}", file=sys.stderr)
    return status
