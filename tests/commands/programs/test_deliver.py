import email
import email.policy
import shlex
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.commands.programs.script import run

HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "dovecot.conf"
    path.write_text("# a delivery agent of the tests reads none\n")
    return str(path)


def make_agent(home: Path, script: str) -> str:
    path = home / "delivery-agent"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


def deliver(home: Path, config: str, *subject: str, user: str = "demo") -> tuple[list[str], EmailMessage]:
    """What the delivery agent was given: its arguments, and the message."""
    record = shlex.quote(str(home))
    agent = make_agent(home, f"printf '%s\\n' \"$@\" > {record}/argv; cat > {record}/message")
    arguments = ("--config", config, "--lda", agent, *subject)
    assert run("imapx-deliver", *arguments, home=home, IMAPX_USER=user) == (0, b"", b"")
    message = email.message_from_bytes((home / "message").read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message.keys() == HEADERS
    assert not message.defects
    return (home / "argv").read_text().splitlines(), message


def test_the_message_goes_to_the_users_own_mailbox(tmp_path: Path, config: str) -> None:
    argv, message = deliver(tmp_path, config, "Lunch")
    assert argv == ["-e", "-a", "postmaster@localhost", "-c", config, "-d", "demo"]
    assert (message["From"], message["To"]) == ("IMAPX <imapx@localhost>", "demo@localhost")
    assert message["Subject"] == "Lunch"
    assert message["Date"].datetime is not None
    assert message["Message-ID"].endswith("@localhost>")
    assert message.get_content()


def test_the_subject_can_be_left_out(tmp_path: Path, config: str) -> None:
    assert deliver(tmp_path, config)[1]["Subject"] == "A message from IMAPX"


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "--help",
        "Grüße aus Köln 😀",
        "👨‍👩‍👧",
        "x" * 990,
        "é" * 500,
        "word " * 200 + "end",
        "=?utf-8?q?=0aBcc:_eve=40example.com?=",
        "=?utf-8?q?x=0d=0a=0d=0abody?= y",
    ],
)
def test_any_text_comes_out_as_it_was_given_and_never_as_another_header(
    tmp_path: Path, config: str, subject: str
) -> None:
    assert deliver(tmp_path, config, subject)[1]["Subject"] == subject
    assert max(map(len, (tmp_path / "message").read_bytes().splitlines())) <= 78


@pytest.mark.parametrize(
    "subject", ["x\nBcc: eve@example.com", "x\r\n\r\nbody", "a\x0bb", "a\x85b", "a\u2028b", "\udcff"]
)
def test_a_subject_with_controls_is_refused(tmp_path: Path, config: str, subject: str) -> None:
    agent = make_agent(tmp_path, "touch ran")
    status, output, errors = run("imapx-deliver", "--config", config, "--lda", agent, subject, home=tmp_path)
    assert (status, output) == (65, b"")
    assert errors == b"deliver: the subject or the user's name holds control characters\n"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("user", "recipient"),
    [
        ("ann@example.org", "ann@example.org"),
        ("jürgen", "jürgen <user@localhost>"),
        ("a@@", '"a@@" <user@localhost>'),
        ("-x", "-x@localhost"),
    ],
)
def test_any_users_name_makes_a_valid_recipient(tmp_path: Path, config: str, user: str, recipient: str) -> None:
    argv, message = deliver(tmp_path, config, "x", user=user)
    assert argv[-2:] == ["-d", user]
    assert message["To"] == recipient


def test_without_a_configuration_it_is_unavailable(tmp_path: Path) -> None:
    path = str(tmp_path / "engine" / "dovecot.conf")
    expected = f"deliver: no mail engine's configuration can be read at {path}\n"
    assert run("imapx-deliver", "--config", path, home=tmp_path) == (69, b"", expected.encode())


def test_without_dovecot_it_is_unavailable(tmp_path: Path, config: str) -> None:
    agent = str(tmp_path / "nowhere")
    status, output, errors = run("imapx-deliver", "--config", config, "--lda", agent, home=tmp_path)
    assert (status, output) == (69, b"")
    assert errors == f"deliver: {agent} is not there, or can't be executed\n".encode()


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [
        ("echo mailbox is full >&2; exit 77", 77, b"mailbox is full\ndeliver: dovecot-lda ended with status 77\n"),
        ("kill -9 $$", 70, b"deliver: dovecot-lda was killed by signal 9\n"),
    ],
)
def test_a_refused_delivery_is_no_success(tmp_path: Path, config: str, script: str, status: int, error: bytes) -> None:
    agent = make_agent(tmp_path, script)
    assert run("imapx-deliver", "--config", config, "--lda", agent, home=tmp_path) == (status, b"", error)


@pytest.mark.parametrize("arguments", [(), ("--config",), ("Lunch",), ("--config", "x", "Lunch", "more")])
def test_wrong_usage_is_status_64(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    status, output, errors = run("imapx-deliver", *arguments, home=tmp_path)
    assert (status, output) == (64, b"")
    assert errors.startswith(b"deliver: usage: imapx-deliver --config DOVECOT_CONF")
