import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.commands.programs.script import run
from tests.support import certificates
from tests.support.smtp_server import PASSWORD, SmtpServer

HEADER = b"From: Ann <ann@example.org>\r\nTo: joe@example.net\r\nSubject: Lunch\r\n"
DATED = HEADER + b"Date: Mon, 06 Jan 2025 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n"
MESSAGE = DATED + b"\r\nAt noon?\r\n"
TO = "joe@example.net"


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def send(
    home: Path, smtp: SmtpServer, message: bytes = MESSAGE, *to: str, options: tuple[str, ...] = (), **variables: str
) -> tuple[int, str]:
    """Exit status and standard output."""
    given = ("--server", smtp.address, "--tls", "off", *options, *(to or (TO,)))
    variables = {"IMAPX_USER": "ann@example.org", "IMAPX_INPUT_SIZE": str(len(message))} | variables
    status, output, _ = run("imapx-send", *given, home=home, given=message, **variables)
    return status, output.decode()


def parsed(message: bytes) -> EmailMessage:
    read = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def test_the_message_arrives_as_it_was_under_the_users_own_address(tmp_path: Path, smtp: SmtpServer) -> None:
    to = (TO, "eve@example.net")
    assert send(tmp_path, smtp, MESSAGE, *to) == (0, "joe@example.net: sent\neve@example.net: sent\n")
    (envelope,) = smtp.messages
    assert (envelope.mail_from, envelope.rcpt_tos, envelope.content) == ("ann@example.org", [*to], MESSAGE)


def test_a_user_who_is_no_address_gets_the_domain(tmp_path: Path, smtp: SmtpServer) -> None:
    options = ("--domain", "example.org")
    assert send(tmp_path, smtp, options=options, IMAPX_USER="ann")[0] == 0
    assert smtp.messages[0].mail_from == "ann@example.org"


def test_without_a_domain_such_a_user_sends_nothing(tmp_path: Path, smtp: SmtpServer) -> None:
    assert send(tmp_path, smtp, IMAPX_USER="ann") == (78, "sending is not set up\n")
    assert not smtp.told and not smtp.messages


def test_date_and_message_id_are_added_where_they_are_missing(tmp_path: Path, smtp: SmtpServer) -> None:
    assert send(tmp_path, smtp, HEADER + b"\r\nbody\r\n")[0] == 0
    message = parsed(smtp.messages[0].content)
    assert message.keys() == ["From", "To", "Subject", "Date", "Message-ID"]
    assert message["Date"].datetime is not None
    assert message["Message-ID"].endswith("@example.org>")


def test_bcc_and_return_path_go_to_nobody(tmp_path: Path, smtp: SmtpServer) -> None:
    hidden = b"bcc: eve@example.net,\r\n\tmallory@example.net\r\nReturn-Path: <x@y>\r\n"
    assert send(tmp_path, smtp, hidden + MESSAGE)[0] == 0
    assert smtp.messages[0].content == MESSAGE


def test_line_ends_become_crlf(tmp_path: Path, smtp: SmtpServer) -> None:
    assert send(tmp_path, smtp, MESSAGE.replace(b"\r\n", b"\n"))[0] == 0
    assert smtp.messages[0].content == MESSAGE


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\r\n", b"\n.\r\n", b"\r\n.\n", b"\r\n..\r\n"])
def test_no_second_message_can_be_smuggled_in(tmp_path: Path, smtp: SmtpServer, end: bytes) -> None:
    body = b"one" + end + b"MAIL FROM:<admin@example.org>\r\nRCPT TO:<eve@example.net>\r\nDATA\r\nFrom: x\r\n\r\ntwo"
    assert send(tmp_path, smtp, DATED + b"\r\n" + body + end)[0] == 0
    (envelope,) = smtp.messages
    whole = (DATED + b"\r\n" + body + end).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert envelope.content == whole
    assert envelope.rcpt_tos == [TO]


@pytest.mark.parametrize("octets", [b"\r.\r", b"\r.\r\n", b"\n.\r", b"x\ry", b"\r\r\n", b"nul\0nul"])
def test_a_bare_cr_and_a_nul_are_refused(tmp_path: Path, smtp: SmtpServer, octets: bytes) -> None:
    status, output = send(tmp_path, smtp, MESSAGE + octets + b"\r\n")
    assert (status, output.startswith("nothing was sent: the message holds a ")) == (65, True)
    assert not smtp.messages


@pytest.mark.parametrize(
    "field",
    [
        b"ann@example.org",
        b"<ANN@Example.Org>",
        b'"Ann, \\"of\\" <x@y>" <ann@example.org>',
        b"=?utf-8?q?J=C3=BCrgen?= <ann@example.org>",
        b"J. Smith\r\n <ann@example.org>",
    ],
)
def test_from_may_be_written_in_any_way_that_has_but_one_reading(
    tmp_path: Path, smtp: SmtpServer, field: bytes
) -> None:
    assert send(tmp_path, smtp, b"From: " + field + b"\r\n\r\nx\r\n")[0] == 0


@pytest.mark.parametrize(
    "header",
    [
        b"From: boss@example.org\r\n",
        b"From: ann@example.org, boss@example.org\r\n",
        b"From: boss@example.org (<ann@example.org>)\r\n",
        b'From: "boss@example.org" ann@example.org\r\n',
        b"From: boss@example.org <ann@example.org>\r\n",
        b"From: <ann@example.org> <boss@example.org>\r\n",
        b"From: group: boss@example.org, ann@example.org;\r\n",
        b"From: <@evil.example:ann@example.org>\r\n",
        b"From: ann@example.org\r\nfrom: boss@example.org\r\n",
        b"From: boss@example.org\r\nFrom: ann@example.org\r\n",
        b"From:\r\n",
        b"Subject: no From\r\n",
        b"From: ann@example.org\r\nSender: boss@example.org\r\n",
        b"From: ann@example.org\r\nResent-From: boss@example.org\r\n",
        b"From : boss@example.org\r\nFrom: ann@example.org\r\n",
        b"From: ann@example.org\r\nnot a field\r\n",
        b" From: boss@example.org\r\nFrom: ann@example.org\r\n",
        b"From: ann@example.org\r\nSubject: \xff\r\n",
        b"From: ann@example.org\r\nSubject: a\r\nSubject: b\r\n",
        b"From: ann@example.org\r\nSubject: " + b"x" * 999 + b"\r\n",
        b"\r\nFrom: ann@example.org\r\n",
        b"",
    ],
)
def test_a_header_in_anothers_name_or_with_two_readings_is_refused(
    tmp_path: Path, smtp: SmtpServer, header: bytes
) -> None:
    status, output = send(tmp_path, smtp, header + b"\r\nbody\r\n")
    assert (status, output.startswith("nothing was sent: ")) == (65, True), output
    assert output.isascii() and output.count("\n") == 1
    assert not smtp.messages


def test_a_message_that_did_not_come_whole_is_not_sent(tmp_path: Path, smtp: SmtpServer) -> None:
    size = str(len(MESSAGE) + 1)
    expected = f"nothing was sent: {len(MESSAGE)} of {size} octets of the message have come\n"
    assert send(tmp_path, smtp, IMAPX_INPUT_SIZE=size) == (75, expected)
    assert not smtp.messages


def test_each_refused_recipient_is_named_and_the_others_get_it(tmp_path: Path, smtp: SmtpServer) -> None:
    status, output = send(tmp_path, smtp, MESSAGE, "refused@example.net", TO, "later@example.net")
    assert output.splitlines() == [
        "refused@example.net: refused: 550 5.1.1 no such user",
        "joe@example.net: sent",
        "later@example.net: refused: 451 4.3.0 try later",
    ]
    assert status == 1
    assert [envelope.rcpt_tos for envelope in smtp.messages] == [[TO]]


@pytest.mark.parametrize(("to", "status"), [("refused@example.net", 1), ("later@example.net", 75)])
def test_nothing_is_sent_where_all_are_refused(tmp_path: Path, smtp: SmtpServer, to: str, status: int) -> None:
    assert send(tmp_path, smtp, MESSAGE, to)[0] == status
    assert not smtp.messages


@pytest.mark.parametrize(
    ("answer", "status", "output"),
    [
        ("554 5.7.1 spam", 1, "nothing was sent: 554 5.7.1 spam\n"),
        ("452 4.2.2 full", 75, "nothing was sent: 452 4.2.2 full\n"),
    ],
)
def test_the_servers_answer_to_the_message_counts(tmp_path: Path, answer: str, status: int, output: str) -> None:
    with SmtpServer(answer_to_data=answer) as smtp:
        assert send(tmp_path, smtp) == (status, output)


def test_where_no_server_listens_it_is_for_later(tmp_path: Path) -> None:
    with SmtpServer() as smtp:
        pass
    assert send(tmp_path, smtp) == (75, "nothing was sent: the mail server can't be reached now\n")


def test_eight_bit_text_is_announced(tmp_path: Path, smtp: SmtpServer) -> None:
    message = MESSAGE + "Grüße\r\n".encode()
    assert send(tmp_path, smtp, message)[0] == 0
    assert smtp.messages[0].content == message
    assert "BODY=8BITMIME" in smtp.messages[0].mail_options


def test_a_header_and_addresses_in_utf8_need_smtputf8(tmp_path: Path, smtp: SmtpServer) -> None:
    message = b"From: ann@example.org\r\nSubject: Gr\xc3\xbc\xc3\x9fe\r\n\r\n\r\n"
    assert send(tmp_path, smtp, message, "jürgen@example.net")[0] == 0
    assert smtp.messages[0].rcpt_tos == ["jürgen@example.net"]
    with SmtpServer(options={"enable_SMTPUTF8": False}) as old:
        for given, to in ((message, TO), (MESSAGE, "jürgen@example.net")):
            status, output = send(tmp_path, old, given, to)
            assert (status, "no SMTPUTF8" in output) == (65, True)
        assert not old.messages


@pytest.mark.parametrize("to", ["joe", "a@b>\r\nRCPT TO:<c@d", "a@b c@d", "<a@b>", "-o@b.example", '"a b"@c', ""])
def test_what_is_no_address_gets_nothing(tmp_path: Path, smtp: SmtpServer, to: str) -> None:
    assert send(tmp_path, smtp, MESSAGE, TO, to)[0] in (64, 65)
    assert not smtp.messages


def test_the_password_goes_over_checked_tls(tmp_path: Path) -> None:
    certificate = certificates.make(tmp_path)
    (password := tmp_path / "password").write_bytes(PASSWORD + b"\n")
    options = ("--tls", "starttls", "--login", "imapx", "--password-file", str(password))
    with SmtpServer(
        certificates.server_context(certificate), {"auth_required": True, "require_starttls": True}
    ) as smtp:
        assert send(tmp_path, smtp, options=options)[0] == 75  # an authority that nobody knows
        assert not smtp.messages
        assert send(tmp_path, smtp, options=options, SSL_CERT_FILE=str(certificate))[0] == 0
        assert len(smtp.messages) == 1
        password.write_bytes(b"wrong\n")
        status = send(tmp_path, smtp, options=options, SSL_CERT_FILE=str(certificate))
        assert status == (78, "sending is not set up\n")


def test_a_server_without_starttls_gets_nothing(tmp_path: Path, smtp: SmtpServer) -> None:
    assert send(tmp_path, smtp, options=("--tls", "starttls"))[0] == 75
    assert not smtp.messages


@pytest.mark.parametrize(
    "arguments", [(), ("--server", "localhost:25"), ("--server", "x:1", "--tls", "maybe", TO), ("--more", TO)]
)
def test_wrong_usage_is_status_64(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    status, output, errors = run("imapx-send", *arguments, home=tmp_path, IMAPX_USER="ann@example.org")
    assert (status, output) == (64, b"")
    assert errors.startswith(b"send: ")
