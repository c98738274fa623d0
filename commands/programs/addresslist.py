"""imapx-blacklist and imapx-whitelist: a user's own lists of sender addresses, for spam filters to read.

A list is $HOME/blacklist or $HOME/whitelist: one address a line, in the order in which they were added. Two
addresses are the same if they differ in case alone. RFC 5321 section 2.4 lets the part before the '@' be
case-sensitive, but no mail system in use is, nor are the filters.

Exit status: 0 done (adding what is there already too); 1 not in the list, or the list is full, with a line on
standard output; 64 wrong usage; 65 no address; 74 the file can't be read or written; 78 HOME is not set.
"""

import os
import sys

from commands.programs.locked_file import change_file, read_file
from commands.programs.refused import RefusedError

EX_USAGE, EX_DATAERR, EX_IOERR, EX_CONFIG = 64, 65, 74, 78  # sysexits.h

# RFC 5321 section 4.5.3.1.3: a path is at most 256 octets, the angle brackets counted.
ADDRESS_LENGTH = 254

# The longest addresses, dumped, stay below a verb's default output limit of 1 MiB.
LIST_LENGTH = 3000

# White space and controls end a line or a word of the filters' files, '#' begins a comment there, '*' and '?'
# would make SpamAssassin take an address for a pattern. The rest need quotes, which the filters don't know.
FORBIDDEN = frozenset(b'*?#\\"<>()[],;:\x7f' + bytes(range(33)))


def is_address(address: bytes) -> bool:
    """Whether the filters' files can hold it; the form of an address is for the map's signature to check."""
    local, at, domain = address.partition(b"@")
    return (
        bool(local and at and domain)
        and b"@" not in domain
        and len(address) <= ADDRESS_LENGTH
        and not FORBIDDEN.intersection(address)
        and not address.startswith(b"-")
    )


def fold(address: bytes) -> str:
    return address.decode(errors="surrogateescape").casefold()


def parse(data: bytes | None) -> list[bytes]:
    return [line for line in (data or b"").splitlines() if line]


def join(addresses: list[bytes]) -> bytes:
    return b"".join(address + b"\n" for address in addresses)


def add(name: str, path: str, address: bytes) -> None:
    def edit(data: bytes | None) -> bytes | None:
        addresses = parse(data)
        if fold(address) in map(fold, addresses):
            return None
        if len(addresses) >= LIST_LENGTH:
            raise RefusedError(f"the {name} is full: it has {LIST_LENGTH} addresses")
        return join([*addresses, address])

    change_file(path, edit)


def remove(name: str, path: str, address: bytes) -> None:
    def edit(data: bytes | None) -> bytes:
        addresses = parse(data)
        kept = [other for other in addresses if fold(other) != fold(address)]
        if len(kept) == len(addresses):
            raise RefusedError(f"not in the {name}")
        return join(kept)

    change_file(path, edit)


def show(path: str, prefix: bytes = b"") -> None:
    sys.stdout.buffer.write(join([prefix + address for address in parse(read_file(path))]))
    sys.stdout.buffer.flush()


def run(name: str, arguments: list[str]) -> int:
    """Do what `arguments` say with the list `name`; returns the exit status."""
    home = os.environ.get("HOME")
    if not home:
        return fail(name, "HOME is not set", EX_CONFIG)
    path = f"{home}/{name}"
    try:
        match arguments:
            case ["add" | "remove" as action, text]:
                address = os.fsencode(text)
                if not is_address(address):
                    return fail(name, "not an e-mail address that a spam filter's list can hold", EX_DATAERR)
                (add if action == "add" else remove)(name, path, address)
            case ["list"] | ["dump", "rspamd"]:  # a map of Rspamd's multimap module is a plain list
                show(path)
            case ["dump", "spamassassin"]:
                show(path, f"{name}_from ".encode())
            case _:
                usage = "usage: add ADDRESS | remove ADDRESS | list | dump (spamassassin|rspamd)"
                return fail(name, usage, EX_USAGE)
    except RefusedError as error:
        print(error)
        return 1
    except OSError as error:
        return fail(name, str(error), EX_IOERR)
    return 0


def fail(name: str, text: str, status: int) -> int:
    print(f"{name}: {text}", file=sys.stderr)
    return status


def blacklist() -> int:
    return run("blacklist", sys.argv[1:])


def whitelist() -> int:
    return run("whitelist", sys.argv[1:])
