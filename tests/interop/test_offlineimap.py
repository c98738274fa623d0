"""OfflineIMAP, as it is: mailboxes synchronized in both directions."""

import os
import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import pytest

from tests.interop.messages import message, seeds
from tests.interop.places import Both, Place
from tests.support import peers
from tests.support.dovecot import Seed

CONFIGURATION = """\
[general]
accounts = mail
metadatadir = {home}/state
ui = quiet

[Account mail]
localrepository = here
remoterepository = there

[Repository here]
type = Maildir
localfolders = {home}/Mail
sep = .
utime_from_header = no

[Repository there]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = {ssl}
starttls = no
sslcacertfile = {certificate}
auth_mechanisms = {mechanism}
maxconnections = 1
"""


@pytest.fixture(autouse=True)
def installed() -> None:
    peers.require("offlineimap", "offlineimap3")


def sync(place: Place) -> None:
    ssl, mechanism = ("yes", "LOGIN") if place.tls else ("no", "PLAIN")
    values = {name: getattr(place, name) for name in ("port", "user", "password", "certificate", "home")}
    (place.home / "rc").write_text(CONFIGURATION.format(**values, ssl=ssl, mechanism=mechanism))
    place.run("offlineimap", "-o", "-c", place.home / "rc")


def put(place: Place, folder: str, numbers: Iterable[int]) -> None:
    """Put messages into a folder on the client's side."""
    directory = place.home / "Mail" / folder
    for name in ("tmp", "new", "cur"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = directory / "cur" / f"{1600000000 + number}.here:2,{'S' if number % 2 else ''}"
        path.write_bytes(message(number).replace(b"\r\n", b"\n"))
        os.utime(path, (1600000000 + number, 1600000000 + number))


def local(place: Place) -> list[tuple[str, str, str, str]]:
    """The client's messages: folder, UID on the server, flags, contents."""
    return sorted(
        (path.parent.parent.name, uid(path.name), path.name.rpartition(":2,")[2], sha256(path.read_bytes()).hexdigest())
        for path in (place.home / "Mail").rglob("*")
        if path.parent.name in ("cur", "new")
    )


def uid(name: str) -> str:
    return (re.findall(r",U=(\d+)", name) or ["none"])[0]


def change_server(place: Place) -> None:
    with place.another_client() as imap:
        imap.select("INBOX")
        imap.store("30:40", "+FLAGS", r"(\Flagged)")
        imap.store("50:54", "+FLAGS", r"(\Deleted)")
        imap.expunge()
        imap.append("Archive", r"(\Answered)", '"28-Mar-2021 00:59:59 +0000"', message(2000))


def change_local(place: Place) -> None:
    for path in sorted((place.home / "Mail" / "INBOX" / "cur").iterdir()):
        match int(uid(path.name)) % 10:
            case 3:
                path.unlink()
            case 4:
                name, _, flags = path.name.rpartition(":2,")
                path.rename(path.with_name(f"{name}:2,{''.join(sorted(set(flags) | set('RS')))}"))
    put(place, "INBOX", range(1800, 1805))


def work(place: Place) -> list[Any]:
    """Synchronize, once more, and again after changes; returns what the client has had."""
    had = []
    for change in (lambda _: None, change_server, change_local):
        change(place)
        sync(place)
        had.append(local(place))
        mailboxes = place.mailboxes()
        sync(place)
        assert (local(place), place.mailboxes()) == (had[-1], mailboxes)
    return had


def test_two_way_sync(both: Both) -> None:
    both.seed([*seeds(80, flags=("", "S", "FS", "RS")), Seed(b"\n")])
    both.seed(seeds(10, start=1100, flags=("", "S")), "Archive")
    for place in both.places:
        put(place, "INBOX", range(1500, 1505))
        put(place, "Here", range(1600, 1610))
    mailboxes = both.run(work, streams=False)
    counts = {name: len(mailbox.messages) for name, mailbox in mailboxes.items()}
    assert counts == {"INBOX": 81 + 5 - 5 - 5 + 5, "Archive": 10 + 1, "Here": 10}
    assert counts == Counter(folder for folder, *_ in local(both.places[1]))
