"""The servers that are measured, and the Dovecot that they are compared with."""

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from benchmarks.client import USERNAME, Client
from benchmarks.mailbox import fill
from tests.support import peers
from tests.support.dovecot import ReferenceDovecot
from tests.support.server import Server

HOUR = 3600

ZEROS = ["/bin/dd", "if=/dev/zero", "bs=64K", "count=1024", "status=none"]

# For everyone: in front of a server of its own a user comes with the first login.
VERBS = f"""
from commands.models import Rule, Verb
for name, mode, argv, changes_mail in (
    ("true", "one-shot", ["/bin/true"], False),
    ("changes", "one-shot", ["/bin/true"], True),
    ("cat", "interactive", ["/bin/cat"], False),
    ("zeros", "interactive", {ZEROS}, False),
):
    verb = Verb(name=name, mode=mode, argv=argv, changes_mail=changes_mail, time_limit={HOUR}, idle_limit={HOUR},
                input_limit=1 << 40, output_limit=1 << 40)
    verb.full_clean()
    verb.save()
    Rule.objects.create(everyone=True, verb=verb)
"""


class Unavailable(Exception):
    """What a case, or a side of it, needs is not here. str() says what."""


class Trial:
    """What the cases share, made when one asks for it and ended with `stack`."""

    def __init__(self, stack: ExitStack, directory: Path, messages: int) -> None:
        self.stack = stack
        self.directory = directory
        self.messages = messages
        self._clients = stack.enter_context(ExitStack())

    @cached_property
    def server(self) -> Server:
        """As it comes: with a private Dovecot, where that is installed."""
        return self.start("private")

    @cached_property
    def front(self) -> Server:
        """In front of `dovecot`, by the same listener that a client uses directly."""
        return self.start("front", "--engine", "imap://{}:{}".format(*self.dovecot.imap), ENGINE_TLS="off")

    @cached_property
    def dovecot(self) -> ReferenceDovecot:
        """The one that an operator already has, with the messages in the INBOX."""
        if peers.find("dovecot") is None:
            raise Unavailable(peers.missing("dovecot", "dovecot-imapd"))
        dovecot = ReferenceDovecot([USERNAME])
        self.stack.callback(dovecot.stop)
        dovecot.start()
        fill(Client(dovecot.imap), self.messages)
        return dovecot

    def start(self, name: str, *arguments: str, database_url: str | None = None, **settings: str) -> Server:
        """Start a whole server with the verbs, on SQLite unless told otherwise."""
        data = self.directory / name
        data.mkdir()
        server = Server(data, **settings)
        if database_url is not None:
            server.environment["DATABASE_URL"] = database_url
        server.prepare()
        server.python(VERBS)
        server.environment["IMAPX_DEBUG"] = "0"  # as in production; the demo data alone ask for a trial
        server.start(*arguments)
        self.stack.callback(server.stop)
        return server

    def opened(self, client: Client) -> Client:
        """This client, which the end of the case closes: Dovecot lets a user have ten connections from one address."""
        self._clients.callback(client.socket.close)
        return client

    def close_clients(self) -> None:
        self._clients.close()
