"""Where a client is run: directly on Dovecot, and through IMAPX in front of another one like it."""

import imaplib
import os
import ssl
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from pprint import pformat
from typing import Any

from tests.interop.tap import Conversation, Tap, comparable
from tests.support.dovecot import MASTER, Mailbox, ReferenceDovecot, Seed

PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Place:
    """What a client is configured with. `reference` keeps the mail; `home` is empty and the client's own."""

    name: str
    host: str
    port: int
    tls: bool
    certificate: Path
    user: str
    password: str
    reference: ReferenceDovecot
    home: Path

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def deliver(self, data: bytes) -> None:
        """A message arrives in the INBOX."""
        self.reference.deliver(self.user, data.replace(b"\r\n", b"\n"))

    @contextmanager
    def another_client(self) -> Iterator[imaplib.IMAP4]:
        """A client of the same user's, past IMAPX in either place."""
        with imaplib.IMAP4(*self.reference.imap, timeout=PATIENCE) as imap:
            imap.login(f"{self.user}*{MASTER}", MASTER)
            yield imap

    def mailboxes(self, ignore: bytes = b"") -> dict[str, Mailbox]:
        return self.reference.snapshot(self.user, ignore)

    def run(self, *command: str | Path, status: int = 0) -> str:
        """Run a client to its end, with nothing of the user's own configuration, and return what it printed."""
        done = subprocess.run(
            command,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "TZ": "UTC"},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
        )
        said, errors = (output.decode("utf-8", "backslashreplace") for output in (done.stdout, done.stderr))
        assert done.returncode == status, f"{command} at {self.name}: {done.returncode}\n{said}\n{errors}"
        return said


class Both:
    """Runs a scenario in either place, which must not make a difference."""

    def __init__(self, places: tuple[Place, Place]) -> None:
        self.places = places
        self.conversations: dict[str, list[Conversation]] = {}

    def seed(self, seeds: Iterable[Seed], mailbox: str = "INBOX") -> None:
        seeds = list(seeds)
        for place in self.places:
            place.reference.seed(place.user, seeds, mailbox)

    def run(
        self,
        scenario: Callable[[Place], Any],
        *,
        streams: bool = True,
        ignore: bytes = b"",
    ) -> dict[str, Mailbox]:
        """What the scenario returns must be equal, and so must the mailboxes that it leaves.

        `streams`: so must all be that either side said after the login. Not for a client with several connections at
        once, or whose commands depend on the time. `ignore`: what a client of chance puts into messages, a regular
        expression. Returns the mailboxes.
        """
        returned, mailboxes = {}, {}
        for place in self.places:
            tapped = streams and not place.tls
            result, self.conversations[place.name] = _run_tapped(scenario, place) if tapped else (scenario(place), [])
            returned[place.name] = "\n".join(_lines(result))
            mailboxes[place.name] = place.mailboxes(ignore)
        direct, relayed = (place.name for place in self.places)
        _assert_same(returned[direct], returned[relayed])
        _assert_same(*(pformat(mailboxes[name], width=200) for name in (direct, relayed)))
        for said_direct, said_relayed in zip(self._said(direct), self._said(relayed), strict=True):
            _assert_same(said_direct, said_relayed)
        return mailboxes[relayed]

    def _said(self, name: str) -> list[str]:
        """For each connection first what the client said after the login, and then what the server did."""
        return [side for conversation in self.conversations[name] for side in conversation.after_login()]


def _lines(value: Any) -> Iterator[str]:
    """What a library returned, piece by piece, without what differs from run to run."""
    match value:
        case bytes() | bytearray():
            yield from comparable(value).split("\n")
        case dict():
            yield from _lines(list(value.items()))
        case set() | frozenset():
            yield from sorted(line for each in value for line in _lines(each))
        case list() | tuple():
            for each in value:
                yield from _lines(each)
        case _:
            yield from _lines(str(value).encode())


def _assert_same(direct: str, relayed: str) -> None:
    difference = unified_diff(direct.split("\n"), relayed.split("\n"), "direct", "relayed", lineterm="")
    shown = "\n".join(islice(difference, 100))
    assert not shown, shown


def _run_tapped(scenario: Callable[[Place], Any], place: Place) -> tuple[Any, list[Conversation]]:
    with Tap((place.host, place.port)) as tap:
        result = scenario(replace(place, host=tap.address[0], port=tap.address[1]))
    return result, tap.conversations
