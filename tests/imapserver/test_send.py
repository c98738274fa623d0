"""Mail sent over IMAP: the bundled verb `send` through the whole server, to a real SMTP server."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import peers, verbs
from tests.support.conversation import Client
from tests.support.process import eventually
from tests.support.server import Server
from tests.support.smtp_server import SmtpServer
from tests.support.verbs import TestVerb

MESSAGE = (
    b"From: demo@example.org\r\nTo: joe@example.net\r\nSubject: Lunch\r\nBcc: eve@example.net\r\n\r\n.\r\nAt noon?\r\n"
)


@pytest.fixture(scope="module")
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as smtp:
        yield smtp


@pytest.fixture(scope="module")
def front(site: Server, smtp: SmtpServer) -> Iterator[Server]:
    peers.require("dovecot", "dovecot-imapd")
    program = str(Path(sys.executable).parent / "imapx-send")
    argv = [program, "--server", smtp.address, "--tls", "off", "--domain", "example.org"]
    argv += ["--sent", str(site.data.resolve() / "engine/dovecot.conf"), "{*}"]
    verbs.add(site, TestVerb("send", argv, 8, takes_input=True, changes_mail=True))
    with site.running("--engine", "dovecot") as front:
        yield front


@pytest.fixture
def demo(front: Server) -> Iterator[Client]:
    with Client(front.imap) as client:
        client.log_in()
        client.command("c CREATE Sent")
        client.command("s SELECT Sent")
        client.command("t STORE 1:* +FLAGS.SILENT (\\Deleted)")
        client.command("e EXPUNGE")
        yield client


def test_a_message_is_sent_and_its_copy_in_sent_is_told_before_the_tagged_end(demo: Client, smtp: SmtpServer) -> None:
    smtp.messages.clear()
    demo.line(f"100 EXECUTE send joe@example.net eve@example.net {{{len(MESSAGE)}}}")
    assert demo.read_line() == b"+ OK"
    demo.send(MESSAGE + b"\r\n")
    responses = demo.responses("100")
    assert b"* 1 EXISTS\r\n" in responses
    assert responses[-1] == b"100 OK [EXIT 0] send completed\r\n"
    assert b"joe@example.net: sent\neve@example.net: sent\n" in b"".join(responses)
    (envelope,) = smtp.messages
    assert envelope.mail_from == "demo@example.org"
    assert envelope.rcpt_tos == ["joe@example.net", "eve@example.net"]
    assert envelope.content.startswith(MESSAGE.split(b"Bcc")[0] + b"Date: ")
    assert envelope.content.endswith(b"\r\n\r\n.\r\nAt noon?\r\n")
    demo.line("101 FETCH 1 BODY.PEEK[]")
    copy = b"".join(demo.responses("101"))
    assert b"Bcc: eve@example.net" in copy and copy.count(b"Message-ID: ") == 1
    assert b"\r\n\r\n.\r\nAt noon?\r\n" in copy


def test_a_large_message_is_streamed(demo: Client, smtp: SmtpServer) -> None:
    smtp.messages.clear()
    message = MESSAGE + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 20000
    demo.line(f"100 EXECUTE send joe@example.net {{{len(message)}}}")
    assert demo.read_line() == b"+ OK"
    demo.send(message + b"\r\n")
    assert demo.responses("100")[-1] == b"100 OK [EXIT 0] send completed\r\n"
    assert smtp.messages[0].content.endswith(message[-100000:])


def test_a_client_that_dies_in_its_message_has_sent_nothing(front: Server, smtp: SmtpServer) -> None:
    smtp.messages.clear()
    before = len(front.exits("send"))
    with Client(front.imap).log_in() as client:
        client.line("100 EXECUTE send joe@example.net {5000}")
        assert client.read_line() == b"+ OK"
        client.send(MESSAGE)
    assert eventually(lambda: len(front.exits("send")) > before)
    assert not smtp.messages


def test_the_users_sieve_script_has_no_say_in_the_copy(demo: Client, front: Server, smtp: SmtpServer) -> None:
    home = next(front.data.rglob("demo/Maildir")).parent
    (home / ".dovecot.sieve").write_text("discard;\n")
    (home / ".dovecot.sieve").chmod(0o644)
    try:
        smtp.messages.clear()
        demo.send(b"100 EXECUTE send joe@example.net {%d+}\r\n%b\r\n" % (len(MESSAGE), MESSAGE))
        assert b"* 1 EXISTS\r\n" in demo.responses("100")
    finally:
        (home / ".dovecot.sieve").unlink()
