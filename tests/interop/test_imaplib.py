"""Python's imaplib, as it is."""

import imaplib
from typing import Any

import pytest

from tests.interop.messages import messages, seeds
from tests.interop.places import Both, Place

DATE = '"28-Mar-2021 00:59:59 +0130"'


def connect(place: Place) -> imaplib.IMAP4:
    if place.tls:
        imap: imaplib.IMAP4 = imaplib.IMAP4_SSL(place.host, place.port, ssl_context=place.context(), timeout=15)
    else:
        imap = imaplib.IMAP4(place.host, place.port, timeout=15)
    imap.login(place.user, place.password)
    return imap


def work(place: Place) -> list[Any]:
    """Most of what imaplib can do; returns all that it said."""
    said: list[Any] = []
    with connect(place) as imap:
        said.append(imap.list())
        said.append(imap.create("Archive.Größe".encode("utf-7").decode().replace("+", "&")))
        said.append(imap.create("Archive"))
        said.append(imap.subscribe("Archive"))
        for number, data in enumerate(messages(10, start=20)):
            imap.append("Archive", r"(\Seen $Label1)" if number % 2 else None, DATE, data)
        said.append(imap.status("Archive", "(MESSAGES UIDNEXT UNSEEN)"))
        said.append(imap.select("INBOX"))
        said.append(imap.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))
        said.append(imap.fetch("1:*", "(BODY.PEEK[])"))
        said.append(imap.fetch("2:4", "(RFC822)"))
        said.append(imap.fetch("5", "(BODY.PEEK[1]<10.50> BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])"))
        said.append(imap.search(None, "SUBJECT", '"tricky"'))
        said.append(imap.search("UTF-8", "NOT", "SEEN"))
        said.append(imap.sort("(REVERSE DATE)", "UTF-8", "ALL"))
        said.append(imap.thread("REFERENCES", "UTF-8", "ALL"))
        imap.literal = "Größe".encode()
        said.append(imap.search("UTF-8", "BODY"))
        said.append(imap.store("3,7", "+FLAGS", r"(\Deleted)"))
        said.append(imap.store("1", "FLAGS", r"($Label2 \Flagged)"))
        said.append(imap.copy("1:5", "Archive")[0])
        said.append(imap.uid("MOVE", "9:10", "Archive")[0])
        said.append(imap.expunge())
        said.append(imap.noop())
        said.append(imap.uid("FETCH", "1:*", "(FLAGS)"))
        said.append(imap.close())
        said.append(imap.rename("Archive", '"Archive 2021"'))
        said.append(imap.lsub())
        with pytest.raises(imaplib.IMAP4.error):
            imap.xatom("NOSUCHCOMMAND", "x")
        said.append(imap.delete("Archive.Gr&APYA3w-e"))
        said.append(imap.namespace())
    return said


def test_mail(both: Both) -> None:
    both.seed(seeds(20))
    mailboxes = both.run(work)
    assert len(mailboxes["Archive 2021"].messages) == 10 + 5 + 2


def test_execute_beside_mail(relayed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    # xatom() allows a command that it does not know in the state in which it was first used, and no other.
    monkeypatch.setitem(imaplib.Commands, "EXECUTE", ("AUTH", "SELECTED"))
    with connect(relayed) as imap:
        imap.select("INBOX")
        imap.append("INBOX", None, DATE, messages(1)[0])
        assert imap.xatom("EXECUTE", "blacklist", "add", "joe@smith.com") == ("OK", [b"[EXIT 0] blacklist completed"])
        assert imap.xatom("EXECUTE", "blacklist", "list") == ("OK", [b"[EXIT 0] blacklist completed"])
        head, end = imap.response("EXECUTE")[1]
        assert isinstance(head, tuple) and head[1] == b"joe@smith.com\n" and end == b")"
        assert imap.search(None, "ALL") == ("OK", [b"1"])
