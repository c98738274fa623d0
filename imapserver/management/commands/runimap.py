"""manage.py runimap: serve IMAP, and the web admin beside it."""

import asyncio
import ipaddress
import logging
import signal
import ssl
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from commands import audit
from commands.execution.environment import prepare_process
from imapserver.engine import choose
from imapserver.engine.engine import Engine, EngineUnavailable
from imapserver.server import ImapServer
from imapserver.tls import make_certificate, server_context
from imapserver.web import Web, WebUnavailable

logger = logging.getLogger(__name__)

Address = tuple[str, int]


def address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def shown(of: Address) -> str:
    host, port = of
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Command(BaseCommand):
    help = "Serve IMAP with EXECUTE, in front of a mail engine, and the web admin. SIGTERM drains and ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--imap", metavar="HOST:PORT", type=address, default="127.0.0.1:1143", help="Plain IMAP, on loopback only."
        )
        parser.add_argument(
            "--imaps", metavar="HOST:PORT", type=address, default="127.0.0.1:1993", help="IMAP over TLS."
        )
        web = parser.add_mutually_exclusive_group()
        web.add_argument(
            "--web", metavar="HOST:PORT", type=address, default="127.0.0.1:8000", help="The web admin, over HTTP."
        )
        web.add_argument("--no-web", action="store_true", help="No web admin in this process.")
        parser.add_argument(
            "--engine",
            default="auto",
            help="What keeps the mail: dovecot (a private one), none (EXECUTE alone), or auto: dovecot where it is "
            "installed.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not is_loopback(options["imap"][0]):
            raise CommandError("Passwords would cross the network in plain text: --imap takes a loopback address.")
        try:
            engine = choose(options["engine"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        context = self.tls_context()
        prepare_process()
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        from imapx_site.asgi import application

        web = None if options["no_web"] else Web(loop, application, *options["web"])
        serving = loop.create_task(
            serve(ImapServer(application, engine), engine, options["imap"], options["imaps"], context, web)
        )
        try:
            if web is not None:
                web.run()
            loop.run_until_complete(serving)
        except WebUnavailable:
            serving.cancel()
            raise CommandError(f"The web can't listen on {shown(options['web'])}: is it in use?") from None
        except (OSError, EngineUnavailable) as error:
            raise CommandError(str(error)) from error

    def tls_context(self) -> ssl.SSLContext:
        certificate, key = settings.IMAPX["TLS_CERTIFICATE"], settings.IMAPX["TLS_KEY"]
        try:
            if not certificate:
                certificate, key = make_certificate(settings.DATA_DIR / "tls")
            return server_context(Path(certificate), Path(key or certificate))
        except OSError as error:  # ssl.SSLError is one
            raise CommandError(f"The certificate {certificate} can't be used: {error}") from error


async def serve(
    server: ImapServer, engine: Engine, imap: Address, imaps: Address, context: ssl.SSLContext, web: Web | None
) -> None:
    """Serve until SIGTERM or SIGINT, drain, and stop everything that was started."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        await engine.start()
        ready = [f"imap={shown(await server.listen(*imap))}", f"imaps={shown(await server.listen(*imaps, context))}"]
        if web is not None:
            ready.append(f"web=http://{shown(web.address)}")
        sys.stdout.write(f"IMAPX ready {' '.join(ready)} engine={engine.name}\n")
        sys.stdout.flush()
        await stopping.wait()
        logger.info("draining; a second signal ends it at once")
        draining = loop.create_task(server.drain(settings.IMAPX["DRAIN_SECONDS"]))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, draining.cancel)
        await asyncio.wait([draining])
    finally:
        await engine.stop()
        await asyncio.to_thread(audit.writer.stop)
        if web is not None:
            web.stop()
