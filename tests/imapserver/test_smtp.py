"""The SMTP dialogue itself over IMAP: a `socket` verb, whose service is told by XCLIENT who the user is."""

from collections.abc import Iterator

import pytest

from tests.support.conversation import Client
from tests.support.server import Server
from tests.support.smtp_server import SmtpServer

SMTP_VERB = """
from django.contrib.auth.models import User
from commands.models import Rule, Verb

verb = Verb(
    name="smtp", kind="socket", address="tcp://127.0.0.1:{port}", preamble="xclient", mode="interactive",
    time_limit=600, idle_limit=300, input_limit=50 * 2**20,
)
verb.full_clean()
verb.save()
Rule.objects.create(user=User.objects.get(username="demo"), verb=verb)
"""


@pytest.fixture(scope="module")
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer(xclient=True) as smtp:
        yield smtp


@pytest.fixture(scope="module")
def front(site: Server, smtp: SmtpServer) -> Iterator[Server]:
    site.python(SMTP_VERB.format(port=smtp.port))
    with site.running("--engine", "none") as front:
        yield front


class Dialogue:
    """SMTP in the framed form."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._output = b""
        self._fed = 0
        client.line("100 EXECUTE (FRAMED) smtp")

    def feed(self, data: bytes) -> None:
        self._fed += 1
        self._client.send(b'f%d FEED "100" {%d+}\r\n%b\r\n' % (self._fed, len(data), data))

    def reply(self) -> str:
        """The last line of the next reply."""
        while True:
            while b"\r\n" in self._output:
                line, _, self._output = self._output.partition(b"\r\n")
                if line[3:4] == b" ":
                    return line.decode()
            response = self._client.response()
            if b"(STDOUT" in response:
                self._output += response.partition(b"}\r\n")[2].removesuffix(b")\r\n")

    def say(self, line: str) -> str:
        self.feed(line.encode() + b"\r\n")
        return self.reply()

    def end(self) -> str:
        while not (response := self._client.response()).startswith(b"100 "):
            pass
        return response.decode().removesuffix("\r\n")


@pytest.fixture
def dialogue(front: Server) -> Iterator[Dialogue]:
    with Client(front.imap).log_in() as client:
        yield Dialogue(client)


def test_a_message_is_sent_by_the_smtp_dialogue(dialogue: Dialogue, smtp: SmtpServer) -> None:
    smtp.messages.clear()
    message = b"From: demo@example.org\r\nSubject: Lunch\r\n\r\nAt noon?\r\n" + b"0123456789" * 7 + b"\r\n" * 20000
    assert dialogue.reply().startswith("220 mail.example.org")
    assert dialogue.say("EHLO client.example.org").startswith("250 ")
    assert dialogue.say("MAIL FROM:<demo@example.org>").startswith("250 ")
    assert dialogue.say("RCPT TO:<refused@example.net>").startswith("550 ")
    assert dialogue.say("RCPT TO:<joe@example.net>").startswith("250 ")
    assert dialogue.say("DATA").startswith("354 ")
    for start in range(0, len(message), 30000):
        dialogue.feed(message[start : start + 30000])
    dialogue.feed(b".\r\n")
    assert dialogue.reply() == "250 2.0.0 taken"
    assert dialogue.say("QUIT").startswith("221 ")
    assert dialogue.end() == "100 OK [EXIT 0] smtp completed"
    (envelope,) = smtp.messages
    assert envelope.mail_from == "demo@example.org"
    assert envelope.rcpt_tos == ["joe@example.net"]
    assert envelope.content == message
    assert smtp.told[-1] == "ADDR=127.0.0.1 LOGIN=demo"


def test_the_envelope_sender_is_tied_to_the_login(dialogue: Dialogue, smtp: SmtpServer) -> None:
    smtp.messages.clear()
    dialogue.reply()
    dialogue.say("EHLO client.example.org")
    refusal = dialogue.say("MAIL FROM:<ann@example.org>")
    assert refusal == "553 5.7.1 <ann@example.org>: Sender address rejected: not owned by user demo"
    assert not smtp.messages


def test_a_server_that_takes_no_xclient_is_not_spoken_to(front: Server, smtp: SmtpServer) -> None:
    smtp.xclient = False
    try:
        with Client(front.imap).log_in() as client:
            assert client.command("100 EXECUTE (FRAMED) smtp")[-1] == "100 NO [UNAVAILABLE] smtp is not available"
    finally:
        smtp.xclient = True


def test_a_user_cant_say_by_xclient_who_they_are(dialogue: Dialogue, smtp: SmtpServer) -> None:
    dialogue.reply()
    told = list(smtp.told)
    dialogue.feed(b"XCLIENT ADDR=127.0.0.1 LOGIN=ann\r\n")
    assert dialogue.end() == "100 NO [EXIT 1] smtp failed"
    assert smtp.told == told
