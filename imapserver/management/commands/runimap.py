"""manage.py runimap: serve IMAP, and the web admin beside it."""

import asyncio
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from commands.execution.environment import prepare_process
from imapserver import web_login
from imapserver.addresses import address, shown
from imapserver.connection import ImapConnection
from imapserver.engine import choose
from imapserver.engine.connection import EngineUnavailable
from imapserver.server import ImapServer
from imapserver.serving import Ready, serve
from imapserver.tls import Certificate, make_certificate
from imapserver.trace import Trace
from imapserver.traced import TracedConnection, trace_executables
from imapserver.web import Web, WebUnavailable

HINTS = """
Users, for a trial on this machine: demo/demo (may run everything), ann/ann (the calendar alone), admin/admin (web).
Three things to try:
  1. In a second terminal, `make try` plays the dialogues and shows each line.
  2. By hand: `nc -C {nc}`, then type
         a LOGIN demo demo
         b EXECUTE blacklist add joe@smith.com
         c EXECUTE calendar
         c list schedule today 8:00 10:00
         c quit
  3. In a browser: {web} as admin, to see what ran, and who may run what.
Ctrl-C ends it.
"""


class Command(BaseCommand):
    help = "Serve IMAP with EXECUTE, in front of a mail engine, and the web admin. SIGTERM drains and ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        def add_address(option: str, default: str, text: str) -> None:
            parser.add_argument(option, metavar="HOST:PORT", type=address, default=default, help=f"{text} ({default})")

        add_address("--imap", "127.0.0.1:1143", "IMAP; port 0 takes a free one")
        add_address("--imaps", "127.0.0.1:1993", "IMAP over TLS")
        add_address("--web", "127.0.0.1:8000", "The web admin, over HTTP")
        parser.add_argument("--no-web", action="store_true", help="No web admin in this process.")
        parser.add_argument(
            "--engine",
            default="auto",
            help="What keeps the mail: dovecot (a private one), none (EXECUTE alone), or auto, which is dovecot where "
            "it is installed.",
        )
        parser.add_argument(
            "--trace",
            metavar="FILE",
            nargs="?",
            const="",
            help="Write each frame, with its tag, direction and time, to FILE or to standard error. Passwords and the "
            "arguments of verbs are hidden, the contents of literals, and what programs read and write, too.",
        )
        parser.add_argument(
            "--trace-contents", action="store_true", help="Show these contents: mail, and what programs say."
        )
        parser.add_argument("--hints", action="store_true", help="Say what to try, once it is ready.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            engine = choose(options["engine"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        web_login.use(engine)
        certificate = _certificate()
        connection = _traced(options["trace"], options["trace_contents"])
        prepare_process()
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        # Not before the loop is there: the application brings Twisted, whose reactor has to be on this one.
        web = None if options["no_web"] else Web(loop, *options["web"])

        def announce(ready: Ready) -> None:
            self.stdout.write(str(ready))
            if options["hints"]:
                self.stdout.write(HINTS.format(nc=ready.imap.replace(":", " "), web=ready.web))
            self.stdout.flush()

        from imapx_site.asgi import application

        serving = loop.create_task(
            serve(
                ImapServer(application, engine, certificate.context, connection),
                imap=options["imap"],
                imaps=options["imaps"],
                reload=certificate.reload,
                web=web,
                announce=announce,
            )
        )
        try:
            if web is not None:
                web.run(application)
            loop.run_until_complete(serving)
        except WebUnavailable:
            serving.cancel()
            raise CommandError(f"The web can't listen on {shown(options['web'])}: is it in use?") from None
        except (OSError, EngineUnavailable) as error:
            raise CommandError(str(error)) from error


def _traced(file: str | None, contents: bool) -> Callable[..., ImapConnection]:
    """What makes connections, with a trace if there is to be one."""
    if file is None:
        return ImapConnection
    try:
        # Nobody else is to read it: it tells who does what.
        stream = os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w") if file else sys.stderr
    except OSError as error:
        raise CommandError(f"The trace can't be written: {error}") from error
    trace = Trace(stream, contents=contents)
    trace_executables(trace)
    return partial(TracedConnection, trace)


def _certificate() -> Certificate:
    certificate, key = settings.IMAPX["TLS_CERTIFICATE"], settings.IMAPX["TLS_KEY"]
    try:
        if not certificate:
            certificate, key = make_certificate(settings.DATA_DIR / "tls")
        return Certificate(Path(certificate), Path(key or certificate))
    except OSError as error:  # ssl.SSLError is one
        raise CommandError(f"The certificate {certificate} can't be used: {error}") from error
