"""curl, as it is: one connection for each command."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.interop.messages import message, seeds
from tests.interop.places import Both, Place
from tests.support import peers


@pytest.fixture(autouse=True)
def installed() -> None:
    peers.require("curl", "curl")


def curl(place: Place, path: str, *options: str) -> str:
    scheme = "imaps" if place.tls else "imap"
    credentials = ["--user", f"{place.user}:{place.password}", "--cacert", str(place.certificate)]
    url = f"{scheme}://{place.host}:{place.port}/{path}"
    return place.run("curl", "--disable", "--silent", "--show-error", "--globoff", *credentials, *options, url)


def work(place: Place) -> list[Any]:
    said: list[Any] = []
    for number in range(6):
        (place.home / "message").write_bytes(message(20 + number))
        said.append(curl(place, "INBOX", "--upload-file", "message"))
    said.append(curl(place, "", "--request", 'CREATE "Gr&APYA3w-e &- Ma&AN8-"'))
    said.append(curl(place, "", "--request", "CREATE Archive"))
    said.append(curl(place, ""))
    said.append(curl(place, "INBOX", "--request", "FETCH 1:* (UID FLAGS RFC822.SIZE)"))
    for number in range(1, 9):
        said.append(curl(place, f"INBOX;UID={number}"))
        said.append(curl(place, f"INBOX;MAILINDEX={number};SECTION=TEXT"))
    said.append(curl(place, "INBOX?" + quote('SUBJECT "tricky"')))
    said.append(curl(place, "INBOX", "--request", r"STORE 1:2 +FLAGS (\Deleted $Label1)"))
    said.append(curl(place, "INBOX", "--request", "COPY 3:5 Archive"))
    said.append(curl(place, "INBOX", "--request", "EXPUNGE"))
    said.append(curl(place, "INBOX", "--request", "MOVE 1:2 Archive"))
    said.append(curl(place, "", "--request", "STATUS Archive (MESSAGES UIDNEXT UNSEEN)"))
    return said


def test_mail(both: Both) -> None:
    both.seed(seeds(12))
    mailboxes = both.run(work)
    assert len(mailboxes["INBOX"].messages) == 13 and len(mailboxes["Archive"].messages) == 5


def test_execute_beside_mail(relayed: Place) -> None:
    (relayed.home / "message").write_bytes(message(0))
    curl(relayed, "INBOX", "--upload-file", "message")
    curl(relayed, "", "--request", "EXECUTE blacklist add joe@smith.com")
    # Of the response to a command that it does not know curl prints the first line alone, without the literal.
    assert curl(relayed, "", "--request", "EXECUTE blacklist list") == '* EXECUTE (TAG "A003") (STDOUT {14}\r\n'
    assert curl(relayed, "INBOX", "--request", "SEARCH ALL") == "* SEARCH 1\r\n"
