"""Where a client is run: directly on Dovecot, and through IMAPX in front of another one like it."""

import os
import ssl
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path
from pprint import pformat
from typing import Any

from tests.interop.tap import Conversation, Tap, comparable
from tests.support.dovecot import Mailbox, ReferenceDovecot, Seed

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

    def mailboxes(self) -> dict[str, Mailbox]:
        return self.reference.snapshot(self.user)

    def run(self, *command: str | Path, status: int = 0, text: str = "") -> str:
        """Run a client to its end, with nothing of the user's own configuration, and return what it printed."""
        done = subprocess.run(
            command,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "TZ": "UTC"},
            cwd=self.home,
            input=text,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=PATIENCE,
        )
        assert done.returncode == status, f"{command} at {self.name}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


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
        view: Callable[[dict[str, Mailbox]], Any] = lambda mailboxes: mailboxes,
    ) -> dict[str, Mailbox]:
        """What the scenario returns must be equal, and so must the mailboxes that it leaves, seen through `view`.

        `streams`: so must all be that either side said after the login. Not for a client with several connections at
        once, or whose commands depend on the time. Returns the mailboxes.
        """
        returned, mailboxes = {}, {}
        for place in self.places:
            result, self.conversations[place.name] = run_tapped(scenario, place)
            returned[place.name] = comparable(pformat(result, width=120).encode())
            mailboxes[place.name] = place.mailboxes()
        direct, relayed = (place.name for place in self.places)
        assert returned[relayed] == returned[direct]
        assert view(mailboxes[relayed]) == view(mailboxes[direct])
        if streams:
            said = zip(self._said(direct), self._said(relayed), strict=True)
            difference = [line for pair in said for line in unified_diff(*pair, direct, relayed, lineterm="")]
            assert not difference, "\n".join(difference[:100])
        return mailboxes[relayed]

    def _said(self, name: str) -> list[list[str]]:
        """Line by line, for each connection first what the client said and then what the server did."""
        both_sides = [side for conversation in self.conversations[name] for side in conversation.after_login()]
        return [side.split("\n") for side in both_sides]


def run_tapped(scenario: Callable[[Place], Any], place: Place) -> tuple[Any, list[Conversation]]:
    if place.tls:
        return scenario(place), []
    with Tap((place.host, place.port)) as tap:
        result = scenario(replace(place, host=tap.address[0], port=tap.address[1]))
    return result, tap.conversations
