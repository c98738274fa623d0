# pathlib and argparse would cost more than all else that a program of this size does at its start.
# ruff: noqa: PTH118, PTH123
"""What the programs that keep a user's Sieve scripts have in common: options, login, lock, exit status.

    --server HOST[:PORT]|unix:/PATH   the ManageSieve server; the port is 4190
    --tls starttls|tls|off            starttls unless said otherwise; off is for loopback and sockets
    --ca PATH                         PEM file of certificates to trust, instead of the system's
    --master NAME                     a Dovecot master user, who logs in as IMAPX_USER
    --password-file PATH              its password, on one line; refused if others than its owner can read it
    --domain DOMAIN                   the user's own address is IMAPX_USER@DOMAIN, if IMAPX_USER is not one itself;
                                      may be given more than once
    --seconds N                       for all of it, 25: less than a verb's time limit
    --                                what follows are the user's arguments

Exit status: 0 done; 1 not done, with the reason on standard output, the mail server's own too (quota, a script it does
not take); 64 wrong usage; 65 not an address, a date or a text, with the reason on standard output. With a line there,
and the reason on standard error: 69 no server; 75 no answer in time; 77 login refused; 78 wrong options.
"""

import fcntl
import getopt
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from commands.arguments.parameter import EMAIL
from commands.programs.managesieve import (
    LoginRefusedError,
    ManageSieve,
    ServerAwayError,
    ServerRefusedError,
    ServerSlowError,
)
from commands.programs.refused import RefusedError
from commands.programs.sieve_scripts import Scripts

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG = 64, 65, 69, 75, 77, 78  # sysexits.h

AWAY = "your mail filters can't be reached now"


class BadArgumentError(Exception):
    """An argument of the user's is not what it has to be; the text says why, for that user."""


class WrongOptionsError(Exception):
    """The operator's options make no sense; the text is for the log."""


@dataclass
class Options:
    server: str = ""
    tls: str = "starttls"
    ca: str | None = None
    master: str = ""
    password_file: str = ""
    domains: list[str] = field(default_factory=list)
    seconds: float = 25.0


Action = Callable[[Scripts], str]
"""Does what the arguments say, and returns what to print."""

Choose = Callable[[list[str], list[str]], Action | None]
"""From the user's arguments and the user's own addresses; None for wrong usage. Raises BadArgumentError."""


def run(name: str, usage: str, choose: Choose) -> int:
    """All that `main` has to do; returns the exit status."""
    try:
        options, arguments = parse_options(sys.argv[1:])
        user = _variable("IMAPX_USER")
        # Dovecot makes a directory's name of it, that of a private one without a check.
        if "/" in user or not user.isprintable():
            raise WrongOptionsError(f"no scripts are kept for a user named {user!a}")
        action = choose(arguments, own_addresses(user, options.domains))
        if action is None:
            print(f"{name}: usage: {usage}", file=sys.stderr)
            return EX_USAGE
        output = _act(options, user, action)
    except BadArgumentError as error:
        print(error)
        return EX_DATAERR
    except RefusedError as error:
        print(error)
        return 1
    except ServerRefusedError as error:
        reason = "there is no space left: " if error.code.startswith("QUOTA") else ""
        print(f"the mail server refuses: {reason}{' '.join(str(error).split())}")
        return 1
    except ServerSlowError as error:
        return _fail(name, error, EX_TEMPFAIL)
    except ServerAwayError as error:
        return _fail(name, error, EX_UNAVAILABLE)
    except LoginRefusedError as error:
        return _fail(name, error, EX_NOPERM)
    except (WrongOptionsError, OSError, ValueError) as error:
        return _fail(name, error, EX_CONFIG)
    # Octets of a script that are no UTF-8 come out as they came in.
    sys.stdout.buffer.write(output.encode(errors="surrogateescape"))
    sys.stdout.buffer.flush()
    return 0


def _act(options: Options, user: str, action: Action) -> str:
    password = read_password(options.password_file)
    # Two executions at once would each write the script that includes both parts.
    lock = os.open(os.path.join(_variable("HOME"), "sieve.lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with ManageSieve(options.server, tls=options.tls, ca=options.ca, seconds=options.seconds) as client:
            client.log_in(options.master, password, user)
            return action(Scripts(client))
    finally:
        os.close(lock)


def parse_options(argv: list[str]) -> tuple[Options, list[str]]:
    """The options, and the user's arguments after them. Raises WrongOptionsError."""
    names = ["server=", "tls=", "ca=", "master=", "password-file=", "domain=", "seconds="]
    try:
        # Not gnu_getopt: among the user's arguments there must be no options.
        pairs, arguments = getopt.getopt(argv, "", names)
    except getopt.GetoptError as error:
        raise WrongOptionsError(str(error)) from None
    options = Options()
    for option, value in pairs:
        match option:
            case "--domain":
                options.domains.append(value)
            case "--seconds" if value.isdecimal() and int(value) > 0:
                options.seconds = float(value)
            case "--tls" if value in ("starttls", "tls", "off"):
                options.tls = value
            case "--server" | "--ca" | "--master" | "--password-file":
                setattr(options, option[2:].replace("-", "_"), value)
            case _:
                raise WrongOptionsError(f"{option} {value} makes no sense")
    if not (options.server and options.master and options.password_file):
        raise WrongOptionsError("--server, --master and --password-file are needed")
    if options.server.startswith("unix:") and options.tls != "off":
        raise WrongOptionsError("a socket has no host name for TLS to check: use --tls off")
    return options, arguments


def read_password(path: str) -> bytes:
    """Without the line's end. Raises WrongOptionsError for a file that others can read, and OSError."""
    with open(path, "rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise WrongOptionsError(f"{path} can be read by others than its owner: chmod 600")
        password = file.read(1024).rstrip(b"\r\n")
    if not password or b"\n" in password or b"\0" in password:
        raise WrongOptionsError(f"{path} holds no password on one line")
    return password


def own_addresses(user: str, domains: list[str]) -> list[str]:
    """The user's, as far as they are known and are addresses."""
    addresses = [user] if "@" in user else [f"{user}@{domain}" for domain in domains]
    return [address for address in addresses if EMAIL.fullmatch(address)]


def parse_addresses(texts: list[str]) -> list[str]:
    """Without those that come again. Raises BadArgumentError for what is no plain address (RFC 5321, ASCII)."""
    addresses: dict[str, str] = {}
    for text in texts:
        # A program of the mail server's might take a leading "-" for an option.
        if not EMAIL.fullmatch(text) or text.startswith("-"):
            raise BadArgumentError(f"not an e-mail address: {text!a}")
        addresses.setdefault(text.lower(), text)
    return list(addresses.values())


def _variable(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise WrongOptionsError(f"{name} is not set")
    return value


def _fail(name: str, error: Exception, status: int) -> int:
    print(AWAY)
    print(f"{name}: {error}", file=sys.stderr)
    return status
