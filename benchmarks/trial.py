"""The server that is measured, and the mail engine that it started, reached directly."""

import os
import secrets
import signal
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.client import Client, connect
from benchmarks.peers import free_port
from tests.support.server import Server

USERNAME = PASSWORD = "demo"
HOUR = 3600

# Dovecot asks its passdbs in turn, so the server's own login goes on as before.
DIRECT = """
passdb {{
  driver = static
  args = password={password}
}}
service imap-login {{
  inet_listener direct {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""

VERBS = f"""
from commands.models import Rule, Verb
from django.contrib.auth.models import User
for name, mode, argv in (("true", "one-shot", ["/bin/true"]), ("cat", "interactive", ["/bin/cat"])):
    verb = Verb(name=name, mode=mode, argv=argv, time_limit={HOUR}, idle_limit={HOUR},
                input_limit=1 << 40, output_limit=1 << 40)
    verb.full_clean()
    verb.save()
    Rule.objects.create(user=User.objects.get(username="{USERNAME}"), verb=verb)
"""


class Unavailable(Exception):
    """What a case, or a side of it, needs is not here. str() says what."""


@dataclass(frozen=True, slots=True)
class Direct:
    """Where the engine listens itself, and the password for any of its users."""

    address: tuple[str, int]
    password: str


class Trial:
    """What the cases share, made when one asks for it and ended with `stack`."""

    def __init__(self, stack: ExitStack, directory: Path, messages: int) -> None:
        self.stack = stack
        self.directory = directory
        self.messages = messages

    @cached_property
    def server(self) -> Server:
        return self.start("imapx")

    def start(self, name: str, database_url: str | None = None) -> Server:
        """Start a whole server with the verbs `true` and `cat`, on SQLite unless told otherwise."""
        server = Server(self.directory / name)
        if database_url is not None:
            server.environment["DATABASE_URL"] = database_url
        server.prepare()
        server.python(VERBS)
        server.environment["IMAPX_DEBUG"] = "0"  # as in production; the demo data alone ask for a trial
        server.start()
        self.stack.callback(server.stop)
        return server

    @cached_property
    def direct(self) -> Direct:
        """A TCP listener of the server's own engine: same processes, same mail, no second configuration."""
        server = self.server
        if server.engine != "dovecot":
            raise Unavailable("Dovecot is not installed (Debian: dovecot-imapd)")
        direct = Direct(("127.0.0.1", free_port()), secrets.token_urlsafe(16))
        engine = server.data / "engine"
        with (engine / "dovecot.conf").open("a") as file:
            file.write(DIRECT.format(password=direct.password, port=direct.address[1]))
        os.kill(int((engine / "master.pid").read_text()), signal.SIGHUP)
        connect(direct.address).close()
        return direct

    def client(self) -> Client:
        """A client of the server's."""
        return self.opened(Client(self.server.imap, USERNAME, PASSWORD))

    def direct_client(self) -> Client:
        return self.opened(Client(self.direct.address, USERNAME, self.direct.password))

    def opened(self, client: Client) -> Client:
        self.stack.callback(client.socket.close)
        return client
