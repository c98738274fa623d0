"""manage.py imapclient: a command line on EXECUTE, over IMAP as any client does."""

import getpass
import imaplib
import shlex
import ssl
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from imapserver.addresses import is_loopback
from imapserver.client.blocking import IMAP4, IMAP4_SSL, ExecuteMixin
from imapserver.client.shell import COMMANDS, HELP, Shell
from imapserver.client.terminal import Terminal

PATIENCE = 600
"""Seconds of silence from the server: the longest that a verb of the demo map may run."""


class Command(BaseCommand):
    help = (
        "Run verbs over IMAP, by hand or from a script. With words behind the options (after -- if one of them begins "
        "with a dash) it runs these alone. It exits with the status of the last verb."
    )
    requires_system_checks: list[str] = []  # it is a client: the database is none of its business

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="127.0.0.1 where none is given.")
        parser.add_argument("--port", type=int, help="1143, or 1993 with --tls.")
        parser.add_argument(
            "--tls", action="store_true", help="TLS from the start. Else STARTTLS, but on this machine."
        )
        parser.add_argument("--ca", metavar="FILE", help="Whom to trust for TLS; on this machine, its own certificate.")
        parser.add_argument("--user", default=None, help="Who logs in; the user of this machine where none is given.")
        parser.add_argument("--password-file", metavar="FILE", help="Its first line is the password; else it is asked.")
        parser.add_argument("words", nargs="*", metavar="VERB", help="A verb and its arguments.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = options["user"] or getpass.getuser()
        password = _password(options["password_file"], user)

        def connect() -> ExecuteMixin:
            try:
                imap = _connect(options["host"], options["port"], options["tls"], options["ca"])
                imap.authenticate("PLAIN", lambda _: b"\0%b\0%b" % (user.encode(), password))
            except (OSError, imaplib.IMAP4.error) as error:
                raise CommandError(f"No login as {user} at {options['host']}: {_said(error)}") from error
            return imap

        terminal = Terminal(COMMANDS)
        try:
            shell = Shell(connect, terminal)
        except (OSError, imaplib.IMAP4.error) as error:
            raise CommandError(f"The connection is lost: {_said(error)}") from error
        try:
            if options["words"]:
                status = shell.execute(shlex.join(options["words"]))
            else:
                if terminal.interactive:
                    terminal.write(f"Logged in as {user}.\n{HELP}")
                status = shell.run()
        finally:
            shell.close()
        sys.exit(status)


def _connect(host: str, port: int | None, tls: bool, ca: str | None) -> IMAP4 | IMAP4_SSL:
    own = settings.DATA_DIR / "tls" / "certificate.pem"
    if ca is None and is_loopback(host) and own.is_file():
        ca = str(own)
    context = ssl.create_default_context(cafile=ca)
    if tls:
        return IMAP4_SSL(host, port or 1993, ssl_context=context, timeout=PATIENCE)
    imap = IMAP4(host, port or 1143, timeout=PATIENCE)
    if not is_loopback(host):
        # The password must not cross a network in plain text, whatever the server would accept.
        imap.starttls(context)
    return imap


def _password(file: str | None, user: str) -> bytes:
    if file is not None:
        try:
            return Path(file).read_bytes().split(b"\n", 1)[0].removesuffix(b"\r")
        except OSError as error:
            raise CommandError(f"{file} can't be read: {error.strerror}") from error
    if not sys.stdin.isatty():
        raise CommandError("Standard input is no terminal to ask for a password on: give --password-file.")
    try:
        return getpass.getpass(f"Password of {user}: ").encode()
    except (EOFError, KeyboardInterrupt) as error:
        raise CommandError("No password.") from error


def _said(error: Exception) -> str:
    """imaplib puts the server's words into bytes."""
    said = error.args[0] if error.args else error
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
