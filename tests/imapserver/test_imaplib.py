"""The first real client: Python's own imaplib, as it is."""

import imaplib
import ssl
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage

import pytest

from tests.support.server import Server

Connect = Callable[[], imaplib.IMAP4]


def message(subject: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ann@jones.org", "joe@smith.com", subject
    mail.set_content("Grüße\nA1 OK done\n")
    return mail.as_bytes()


@pytest.fixture(params=["imap", "imaps"])
def connect(request: pytest.FixtureRequest, server: Server) -> Connect:
    if request.param == "imap":
        return lambda: imaplib.IMAP4(*server.imap, timeout=15)
    context = ssl.create_default_context(cafile=str(server.data / "tls" / "certificate.pem"))
    return lambda: imaplib.IMAP4_SSL(*server.imaps, ssl_context=context, timeout=15)


@pytest.fixture
def imap(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> Iterator[imaplib.IMAP4]:
    # xatom() allows a command that it does not know in the state in which it was first used, and no other.
    monkeypatch.setitem(imaplib.Commands, "EXECUTE", ("AUTH", "SELECTED"))
    with connect() as imap:
        imap.login("demo", "demo")
        yield imap


def output(imap: imaplib.IMAP4) -> bytes:
    """Standard output of the last EXECUTE, by imaplib's own means."""
    _, data = imap.response("EXECUTE")
    return b"".join(part[1] for part in data if isinstance(part, tuple))


def test_execute(imap: imaplib.IMAP4) -> None:
    assert b"EXECUTE" in imap.capability()[1][0].split()
    assert imap.xatom("EXECUTE", "blacklist", "add", "joe@smith.com") == ("OK", [b"[EXIT 0] blacklist completed"])
    assert imap.xatom("EXECUTE", "blacklist", "list")[0] == "OK"
    assert b"joe@smith.com\n" in output(imap)
    assert imap.xatom("EXECUTE", "nosuchverb")[0] == "NO"
    with pytest.raises(imaplib.IMAP4.error, match="usage"):
        imap.xatom("EXECUTE", "blacklist", "frob")
    assert imap.xatom("EXECUTE", "many-octets", "300000")[0] == "OK"
    assert output(imap) == b"x" * 300_000
    assert imap.xatom("EXECUTE", "prints", '"a\\\\nA1 OK done\\\\n* BYE\\\\n"')[0] == "OK"
    assert output(imap) == b"a\nA1 OK done\n* BYE\n"
    assert imap.noop()[0] == "OK"


def test_plain_mail(imap: imaplib.IMAP4) -> None:
    mailbox = f"imaplib{time.monotonic_ns()}"
    assert imap.create(mailbox)[0] == "OK"
    for number in range(3):
        assert imap.append(mailbox, r"(\Seen)", None, message(f"number {number}"))[0] == "OK"
    assert imap.select(mailbox) == ("OK", [b"3"])
    assert imap.search(None, "SUBJECT", '"number 1"') == ("OK", [b"2"])
    _, fetched = imap.fetch("2", "(FLAGS BODY.PEEK[])")
    assert isinstance(fetched[0], tuple)
    assert fetched[0][1].replace(b"\r\n", b"\n") == message("number 1")
    assert imap.store("1,3", "+FLAGS", r"\Deleted")[0] == "OK"
    assert sorted(imap.expunge()[1]) == [b"1", b"3"]
    assert imap.uid("SEARCH", "ALL") == ("OK", [b"2"])
    assert imap.close()[0] == "OK"
    assert imap.delete(mailbox)[0] == "OK"


def test_execution_between_mail_commands(imap: imaplib.IMAP4) -> None:
    imap.select("INBOX")
    imap.response("EXISTS")
    assert imap.xatom("EXECUTE", "deliver", '"by imaplib"')[0] == "OK"
    (count,) = imap.response("EXISTS")[1]
    assert isinstance(count, bytes) and int(count) > 0
    assert imap.search(None, "SUBJECT", '"by imaplib"')[1][0].endswith(count)


def test_authenticate_plain_and_logout(connect: Connect) -> None:
    imap = connect()
    assert imap.authenticate("PLAIN", lambda _: b"\0demo\0demo")[0] == "OK"
    assert imap.noop()[0] == "OK"
    assert imap.logout()[0] == "BYE"


def test_wrong_password_is_an_error(connect: Connect) -> None:
    with connect() as imap, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap.login("demo", "wrong")
