"""imapx-blacklist and imapx-whitelist: a user's own lists of senders and recipients, for spam filters to read.

    add [from|to] ADDRESS     remove [from|to] ADDRESS     list     dump spamassassin     dump rspamd [from|to]

ADDRESS may be a pattern, see addresses.py. What neither `from` nor `to` stands before is a sender. A list is
$HOME/blacklist or $HOME/whitelist: one entry a line, in the order in which they were added.

Exit status: 0 done (adding what is there already too); 1 not in the list, or the list is full; 64 wrong usage; 65 no
address; 74 the file can't be read or written; 78 HOME is not set. Of 1 and 74 standard output says why, for the user:
nothing was changed then.
"""

import os
import sys

from commands.programs import addresses
from commands.programs.locked_file import change_file, read_file
from commands.programs.refused import RefusedError

EX_USAGE, EX_DATAERR, EX_IOERR, EX_CONFIG = 64, 65, 74, 78  # sysexits.h

# The longest addresses, dumped for SpamAssassin, stay below a verb's default output limit of 1 MiB.
LIST_LENGTH = 3000

USAGE = "usage: add [from|to] ADDRESS | remove [from|to] ADDRESS | list | dump spamassassin | dump rspamd [from|to]"


def parse(data: bytes | None) -> list[bytes]:
    return [line for line in (data or b"").splitlines() if line]


def join(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def add(name: str, path: str, entry: bytes) -> None:
    def edit(data: bytes | None) -> bytes | None:
        entries = parse(data)
        if addresses.fold(entry) in map(addresses.fold, entries):
            return None
        if len(entries) >= LIST_LENGTH:
            raise RefusedError(f"the {name} is full: it has {LIST_LENGTH} addresses")
        return join([*entries, entry])

    change_file(path, edit)


def remove(name: str, path: str, entry: bytes) -> None:
    def edit(data: bytes | None) -> bytes:
        entries = parse(data)
        kept = [other for other in entries if addresses.fold(other) != addresses.fold(entry)]
        if len(kept) == len(entries):
            raise RefusedError(f"not in the {name}")
        return join(kept)

    change_file(path, edit)


def show(lines: list[bytes]) -> None:
    sys.stdout.buffer.write(join(lines))
    sys.stdout.buffer.flush()


def run(name: str, arguments: list[str]) -> int:
    """Do what `arguments` say with the list `name`; returns the exit status."""
    home = os.environ.get("HOME")
    if not home:
        return fail(name, "HOME is not set", EX_CONFIG)
    path = f"{home}/{name}"
    try:
        match arguments:
            case ["add" | "remove" as action, *side, text] if side in ([], ["from"], ["to"]):
                pattern = os.fsencode(text)
                if not addresses.is_pattern(pattern):
                    return fail(name, "not an e-mail address, *@DOMAIN or *.DOMAIN", EX_DATAERR)
                (add if action == "add" else remove)(name, path, addresses.TO * (side == ["to"]) + pattern)
            case ["list"]:
                show(parse(read_file(path)))
            case ["dump", "spamassassin"]:
                show(addresses.spamassassin(parse(read_file(path)), name))
            case ["dump", "rspamd", *side] if side in ([], ["from"], ["to"]):
                show(addresses.rspamd(parse(read_file(path)), b"to" if side == ["to"] else b"from"))
            case _:
                return fail(name, USAGE, EX_USAGE)
    except RefusedError as error:
        print(error)
        return 1
    except OSError as error:
        print(f"the {name} can't be read or changed now, it is as it was: {error.strerror}")
        return fail(name, str(error), EX_IOERR)
    return 0


def fail(name: str, text: str, status: int) -> int:
    print(f"{name}: {text}", file=sys.stderr)
    return status


def blacklist() -> int:
    return run("blacklist", sys.argv[1:])


def whitelist() -> int:
    return run("whitelist", sys.argv[1:])
