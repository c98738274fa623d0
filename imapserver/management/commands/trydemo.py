"""manage.py trydemo: the dialogues of the proposal over a real connection, each line as it goes over the wire."""

import contextlib
import re
import socket
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from imapserver.addresses import Address, address

PATIENCE = 20

# What the client sends, and the start of the line that ends the answer.
DIALOGUE = (
    ("Log in; the answer's capabilities name EXECUTE.", (("a1 LOGIN demo demo", "a1 "),)),
    (
        "A one-shot verb, and its action verb.",
        (
            ("100 execute blacklist add joe@smith.com", "100 "),
            ("101 ADD blacklist ann@jones.org", "101 "),
            ("102 EXECUTE blacklist list", "102 "),
        ),
    ),
    (
        "A dialogue with the calendar under tag 200; mail and another execution go on between its lines.",
        (
            ("a2 SELECT INBOX", "a2 "),
            ("200 EXECUTE calendar", "200 "),
            ("200 list schedule today 8:00 10:00", "200 ok"),
            ("a3 UID SEARCH ALL", "a3 "),
            ("201 EXECUTE whitelist list", "201 "),
            ("200 quit", "200 OK"),
        ),
    ),
    (
        "A verb that puts a message into INBOX: the new mail is told before its tagged end.",
        (("300 EXECUTE deliver", "300 "),),
    ),
    ("A verb that is not there, or not allowed.", (("400 EXECUTE shutdown now", "400 "),)),
    ("And what there is.", (("500 EXECUTE", "500 "), ("a9 LOGOUT", "a9 "))),
)


class Command(BaseCommand):
    help = "Play the demo's dialogues against a running server, or one that is started for it, and show each line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--imap", metavar="HOST:PORT", type=address, default="127.0.0.1:1143")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with _running_server(options["imap"]) as server, socket.create_connection(server, PATIENCE) as client:
                self._play(client)
        except (OSError, EOFError) as error:
            raise CommandError(f"The conversation broke off: {error}") from error

    def _play(self, client: socket.socket) -> None:
        received = client.makefile("rb")
        self._show_answer(received, "* OK")
        for title, steps in DIALOGUE:
            self.stdout.write(f"\n-- {title}")
            for line, end in steps:
                self.stdout.write(f"C: {line}")
                client.sendall(line.encode() + b"\r\n")
                answer = self._show_answer(received, end)
                if line.startswith("a1 ") and not answer.startswith("a1 OK"):
                    raise CommandError("The user demo can't log in: has `manage.py demo` been run?")

    def _show_answer(self, received: Any, end: str) -> str:
        while line := received.readline():
            shown = line.decode("utf-8", "replace").rstrip("\r\n")
            self.stdout.write(f"S: {shown}")
            if shown.startswith(end):
                return shown
        raise EOFError("the server closed the connection")


@contextlib.contextmanager
def _running_server(wanted: Address) -> Iterator[Address]:
    """The server that listens there; where none does, one that is started for as long as this lasts."""
    with contextlib.suppress(OSError), socket.create_connection(wanted, PATIENCE):
        yield wanted
        return
    call_command("migrate", verbosity=0)
    call_command("demo")
    arguments = ["--imap", "127.0.0.1:0", "--imaps", "127.0.0.1:0", "--no-web"]
    server = subprocess.Popen(  # noqa: S603 (all of it is ours)
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "runimap", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready = re.match(r"IMAPX ready imap=(\S+)", server.stdout.readline() if server.stdout else "")
        if ready is None:
            raise CommandError("No server listens there, and none could be started; see above.")
        yield address(ready[1])
    finally:
        server.terminate()
        server.wait()
