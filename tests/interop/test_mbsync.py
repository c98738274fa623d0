"""mbsync (isync), as it is: a mailbox of 1,000 messages synchronized in both directions."""

import os
import re
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256

import pytest

from tests.interop.messages import FIRST, message, seeds
from tests.interop.places import Both, Place
from tests.support import peers
from tests.support.dovecot import Seed

CONFIGURATION = """\
FSync no

IMAPAccount server
Host {host}
Port {port}
User {user}
Pass {password}
SSLType {tls}
SystemCertificates no
CertificateFile {certificate}
AuthMechs {mechanism}

IMAPStore far
Account server

MaildirStore near
Path {home}/Mail/
Inbox {home}/Mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
CopyArrivalDate yes
SyncState *
"""

OWN_HEADER = rb"^X-TUID: .*\n"
"""It marks each message with a random word."""

Local = list[tuple[str, str, str, str, int]]


@pytest.fixture(autouse=True)
def installed() -> None:
    peers.require("mbsync", "isync")


def sync(place: Place) -> None:
    tls, mechanism = ("IMAPS", "PLAIN") if place.tls else ("None", "LOGIN")
    # It does not compare addresses with those of the certificate.
    values = {name: getattr(place, name) for name in ("port", "user", "password", "certificate", "home")}
    (place.home / "mbsyncrc").write_text(CONFIGURATION.format(**values, host="localhost", tls=tls, mechanism=mechanism))
    place.run("mbsync", "--config", place.home / "mbsyncrc", "--all")


def put(place: Place, folder: str, numbers: Iterable[int]) -> None:
    """Put messages into a folder on the client's side."""
    directory = place.home / "Mail" / folder
    for name in ("tmp", "new", "cur"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = directory / "cur" / f"{1600000000 + number}.here:2,{'S' if number % 2 else ''}"
        path.write_bytes(message(number).replace(b"\r\n", b"\n"))
        came = (FIRST + timedelta(days=number)).timestamp()
        os.utime(path, (came, came))


def local(place: Place) -> Local:
    """The client's messages: folder, its own UID, flags, contents, when they came."""
    paths = [path for path in (place.home / "Mail").rglob("*") if path.parent.name in ("cur", "new")]
    return sorted(
        (
            str(path.relative_to(place.home / "Mail").parent.parent),
            (re.findall(r",U=(\d+)", path.name) or ["none"])[0],
            path.name.rpartition(":2,")[2],
            sha256(re.sub(OWN_HEADER, b"", path.read_bytes(), flags=re.MULTILINE)).hexdigest(),
            int(path.stat().st_mtime),
        )
        for path in paths
    )


def tree(place: Place) -> list[tuple[str, int, float]]:
    """Names, sizes and times of all that the client keeps of mail."""
    paths = [path for path in (place.home / "Mail").rglob("*") if path.parent.name in ("cur", "new")]
    return sorted((str(path), path.stat().st_size, path.stat().st_mtime) for path in paths)


def change_server(place: Place) -> None:
    with place.another_client() as imap:
        imap.select("INBOX")
        imap.store("100:150", "+FLAGS", r"(\Flagged)")
        imap.store("200:220", "-FLAGS", r"(\Seen)")
        imap.store("300:309", "+FLAGS", r"(\Deleted)")
        imap.expunge()
        imap.append("Archive", r"(\Answered)", '"28-Mar-2021 00:59:59 +0000"', message(2000))


def change_local(place: Place) -> None:
    inbox = (place.home / "Mail" / "INBOX" / "cur").iterdir()
    paths = sorted(inbox, key=lambda path: int(re.findall(r",U=(\d+)", path.name)[0]))
    for path in paths[200:240]:
        name, _, flags = path.name.rpartition(":2,")
        path.rename(path.with_name(f"{name}:2,{''.join(sorted(set(flags) | set('RS')))}"))
    for path in paths[300:312]:
        path.unlink()
    put(place, "INBOX", range(1800, 1810))


def work(place: Place) -> list[Local]:
    """Synchronize, once more, and again after changes on both sides; returns what the client has had."""
    had = []
    for change in (lambda _: None, change_server, change_local):
        change(place)
        sync(place)
        had.append(local(place))
        mailboxes, files = place.mailboxes(), tree(place)
        sync(place)
        assert (place.mailboxes(), tree(place)) == (mailboxes, files)
    return had


def test_two_way_sync(both: Both, transport: str) -> None:
    count = 1000 if transport == "imap" else 600
    # None that is \Deleted: those it would expunge first of all.
    both.seed([*seeds(count, flags=("", "S", "FS", "RS")), Seed(b""), Seed(b"\n"), Seed(b"Subject: no body")])
    both.seed(seeds(50, start=1100, flags=("", "S")), "Archive")
    for place in both.places:
        put(place, "INBOX", range(1500, 1510))
        put(place, "Here", range(1600, 1620))
    mailboxes = both.run(work, streams=False, ignore=OWN_HEADER)
    counts = {name: len(mailbox.messages) for name, mailbox in mailboxes.items()}
    assert counts == {"INBOX": count + 3 + 10 - 10 - 12 + 10, "Archive": 50 + 1, "Here": 20}
    # What has no octet, or no end of its header, it leaves where it is.
    assert Counter(folder for folder, *_ in local(both.places[1])) == counts | {"INBOX": counts["INBOX"] - 2}
