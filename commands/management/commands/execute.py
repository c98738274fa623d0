"""manage.py execute: run a verb on this terminal, by the same policy, record and executable as over IMAP."""

import asyncio
import getpass
import os
import signal
import sys
import tempfile
from argparse import REMAINDER, ArgumentParser
from typing import Any, BinaryIO

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from commands import audit, authorization
from commands.arguments.signature import ParameterType, match_arguments
from commands.attempt import Attempt, End
from commands.audit_text import visible
from commands.authorization import Refused
from commands.execution.environment import prepare_process
from commands.execution.execution import run
from commands.execution.output import CHUNK
from commands.models import AuditEvent
from commands.outcome import Outcome
from commands.rulebook.snapshot import VerbEntry
from commands.terminal import STDIN, Terminal

DOOR = "terminal"

# sysexits.h; 124 is what timeout(1) ends with, 128 and more what shells say of signals.
REFUSED = {Outcome.USAGE: 64, Outcome.LIMIT: 75, Outcome.UNAVAILABLE: 75, Outcome.NOPERM: 77, Outcome.PRIVACY: 77}
ENDED = {
    Outcome.LIMIT: 65,
    Outcome.AUDIT_LOST: 75,
    Outcome.REVOKED: 77,
    Outcome.ENDED: 77,
    Outcome.TIMEOUT: 124,
    Outcome.CANCELED: 130,
    Outcome.CLIENT_GONE: 141,
}
EX_USAGE, EX_NOUSER, EX_SOFTWARE = 64, 67, 70


class Command(BaseCommand):
    help = (
        "Run a verb as USER on this terminal, without IMAP: same rules, same record and executable. Standard input is "
        "the dialogue, or the message of a verb that takes one; Ctrl-C cancels, a second one kills. Others on this "
        "machine can see arguments (ps): give '-' for a secret one, which is then asked for, or read from standard "
        "input, a line each, if that is no terminal. The exit status is the program's, 128+n if signal n ended it; "
        "64 wrong usage, 65 too much input or output, 67 no such user, 75 not available now, 77 not permitted or no "
        "longer, 124 out of time, 130 cancelled."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--raw", action="store_true", help="Show control characters to a terminal as they are.")
        parser.add_argument("user", metavar="USER")
        parser.add_argument("verb", metavar="VERB")
        parser.add_argument("arguments", metavar="ARGUMENT", nargs=REMAINDER)

    def handle(self, *args: Any, **options: Any) -> None:
        name, verb = options["user"], options["verb"].lower()
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no user {name}.", returncode=EX_NOUSER)
        prepare_process()
        try:
            end = _execute(user, verb, tuple(map(os.fsencode, options["arguments"])), options["raw"])
        except Refused as refused:
            raise CommandError(
                _why(refused, user, verb), returncode=REFUSED.get(refused.outcome, EX_SOFTWARE)
            ) from None
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise CommandError("Cancelled: nothing has run.", returncode=ENDED[Outcome.CANCELED]) from None
        finally:
            audit.writer.stop()
        if end.outcome is Outcome.EXIT:
            sys.exit(end.code)
        if end.outcome is Outcome.SIGNAL:
            raise CommandError(f"{verb} was killed by signal {end.code}.", returncode=128 + (end.code or 0))
        status = ENDED.get(end.outcome, EX_SOFTWARE)
        why = f"did not end by itself: {end.outcome}"
        if end.outcome in (Outcome.REVOKED, Outcome.ENDED):
            why = f"was ended by an administrator: {visible(end.reason)}"
        raise CommandError(f"{verb} {why}.", returncode=status)


def _execute(user: User, verb: str, arguments: tuple[bytes, ...], raw: bool) -> End:
    entries = asyncio.run(authorization.visible_verbs(user.pk))
    entry = next((entry for entry in entries if entry.name == verb), None)  # without one it will be refused
    message = None
    # Not inside of the loop, which would keep Ctrl-C from what blocks.
    if entry is not None:
        arguments = _with_secrets(entry, arguments)
        message = _spool(entry.input_limit) if entry.takes_input else None
    attempt = Attempt(
        user_id=user.pk,
        username=user.get_username(),
        verb=verb,
        arguments=arguments,
        door=DOOR,
        input_size=None if message is None else os.fstat(message.fileno()).st_size,
    )
    return asyncio.run(_run(attempt, Terminal(message, raw=raw)))


async def _run(attempt: Attempt, terminal: Terminal) -> End:
    loop = asyncio.get_running_loop()
    running = loop.create_task(run(attempt, terminal.carry))

    def interrupt() -> None:
        if not terminal.interrupt():
            running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupt)
    return await running


def _with_secrets(entry: VerbEntry, arguments: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Each secret that was given as '-' is asked for."""
    try:
        match = match_arguments(entry.name, entry.signatures, arguments, entry.takes_input)
    except ValueError:
        return arguments  # it will be refused
    if match.uids is not None:
        raise CommandError("This works on the selected mailbox: it can be run over IMAP alone.", returncode=EX_USAGE)
    places = zip(arguments, match.signature.parameters, strict=False)
    return (
        tuple(
            _ask(parameter.label) if parameter.type is ParameterType.SECRET and argument == b"-" else argument
            for argument, parameter in places
        )
        + arguments[len(match.signature.parameters) :]
    )


def _ask(label: str) -> bytes:
    if os.isatty(STDIN):
        return os.fsencode(getpass.getpass(f"{label}: "))
    line = b""
    while (octet := os.read(STDIN, 1)) not in (b"", b"\n"):  # not an octet of what follows: that is for the program
        line += octet
    return line


def _spool(limit: int) -> BinaryIO:
    """All of standard input, or a little more than the verb takes: its size has to be known before anything runs."""
    if os.isatty(STDIN):
        print("Type the message; Ctrl-D at the start of a line ends it.", file=sys.stderr)  # noqa: T201
    spooled = tempfile.TemporaryFile()  # noqa: SIM115 - the end of the process closes it
    while spooled.tell() <= limit and (data := os.read(STDIN, CHUNK)):
        spooled.write(data)
    spooled.flush()
    spooled.seek(0)
    return spooled


def _why(refused: Refused, user: User, verb: str) -> str:
    """What a client is told and, for the operator, what the record says: the rule that refused it."""
    if refused.outcome is not Outcome.UNAVAILABLE:
        rejects = AuditEvent.objects.filter(kind=AuditEvent.Kind.REJECT, door=DOOR, actor_id=user.pk, verb=verb)
        event = rejects.order_by("-id").first()
        if event is not None:
            return f"Refused: {refused.text}. The record says: {visible(event.reason)}."
    return f"Refused: {refused.text}."
