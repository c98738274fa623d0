"""`runimap --trace`: each frame, in order, and no secret."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imapserver.trace import Responses
from tests.support import peers
from tests.support.conversation import Client
from tests.support.server import ROOT, Server

SECRET_VERB = """
from django.contrib.auth.models import User
from commands.models import Parameter, Rule, Signature, Verb

verb = Verb.objects.create(name="traced-secret", argv=["/usr/bin/wc", "-c"])
Parameter.objects.create(signature=Signature.objects.create(verb=verb), name="new", type="secret")
Rule.objects.create(user=User.objects.get(username="demo"), verb=verb)
"""

FRAME = re.compile(r"\d\d:\d\d:\d\d\.\d{6} ([0-9a-f]{8,12}) (C:|S:|I:|O:|E:|--) (.*)")


class Traced:
    def __init__(self, server: Server, file: Path) -> None:
        self.server = server
        self.file = file

    def frames(self) -> list[tuple[str, str]]:
        """Direction and text of all frames so far."""
        frames = [FRAME.fullmatch(line) for line in self.file.read_text().splitlines()]
        assert all(frames), self.file.read_text()
        return [(frame[2], frame[3]) for frame in frames if frame]

    def after(self, text: str) -> list[str]:
        """`direction text` of those from the first frame on that holds `text`."""
        lines = [" ".join(frame) for frame in self.frames()]
        return lines[next(number for number, line in enumerate(lines) if text in line) :]


@pytest.fixture(scope="module", autouse=True)
def secret_verb(site: Server) -> None:
    site.python(SECRET_VERB)


def trace(site: Server, *options: str, engine: str = "none") -> Iterator[Traced]:
    file = site.data / "trace"
    file.unlink(missing_ok=True)
    with site.running("--engine", engine, "--trace", str(file), *options) as server:
        yield Traced(server, file)


@pytest.fixture
def traced(site: Server) -> Iterator[Traced]:
    yield from trace(site)


@pytest.fixture
def with_contents(site: Server) -> Iterator[Traced]:
    yield from trace(site, "--trace-contents")


@pytest.fixture
def with_mail(site: Server) -> Iterator[Traced]:
    peers.require("dovecot", "dovecot-imapd")
    yield from trace(site, engine="dovecot")


def test_login_and_dialogue_are_there_in_order_and_the_password_is_not(traced: Traced) -> None:
    with Client(traced.server.imap) as client:
        client.until(r"\* OK")
        client.command("a LOGIN demo wrong-password")
        client.line("b AUTHENTICATE PLAIN")
        assert client.read_line() == b"+ "
        client.line("AGRlbW8AZGVtbw==")
        assert client.until("b ")[-1].startswith("b OK")
        client.line("100 EXECUTE calendar")
        client.until("100 OK")
        client.line("100 quit")
        client.until("100 OK")
        client.command("z LOGOUT")
    lines = [re.sub(r"\[CAPABILITY [^]]*\]", "[CAPABILITY]", line) for line in traced.after("connected")]
    wanted = [
        "-- connected from 127.0.0.1",
        "S: * OK [CAPABILITY] IMAPX ready",
        "C: a LOGIN …",
        "S: a NO [AUTHENTICATIONFAILED] wrong user name or password",
        "C: b AUTHENTICATE …",
        "S: + ",
        "C: …",
        "S: b OK [CAPABILITY] AUTHENTICATE completed",
        "C: 100 EXECUTE calendar",
        "S: 100 OK [EXECUTING] calendar",
        "C: 100 quit",
        "I: 100 (5 octets)",
        "-- 100 ended: exit 0",
        "S: 100 OK [EXIT 0] calendar completed",
        "C: z LOGOUT",
        "S: z OK LOGOUT completed",
    ]
    assert [line for line in lines if line in wanted] == wanted
    assert any(re.fullmatch(r"-- 100 calendar of demo starts: \S+/imapx-calendar", line) for line in lines)
    text = traced.file.read_text()
    assert "wrong-password" not in text and "AGRlbW8AZGVtbw" not in text


def test_of_arguments_the_form_and_the_verb_are_shown_and_of_what_runs_its_vector(traced: Traced) -> None:
    with Client(traced.server.imap).log_in() as client:
        client.command("1 EXECUTE traced-secret hunter2")
        client.command("2 EXECUTE (FRAMED) traced-secret {7+}\r\nhunter2")
        client.command("3 EXECUTE traced-secret too many hunter2")
        client.command("4 ADD blacklist joe@smith.com")
        client.command("5 SET traced-sekret hunter2")
        client.command("6 EXECUTE hunter2\\ x")
        client.command("7 LOGON demo hunter2")
    lines = traced.after("1 EXECUTE")
    assert [line for line in lines if line.startswith("C:")] == [
        "C: 1 EXECUTE traced-secret …",
        "C: 2 EXECUTE (FRAMED) traced-secret …",
        "C: 3 EXECUTE traced-secret …",
        "C: 4 ADD blacklist …",
        "C: 5 SET traced-sekret …",
        "C: 6 EXECUTE …",
        "C: 7 LOGON demo …",
    ]
    assert "-- 1 traced-secret of demo starts: /usr/bin/wc -c" in lines
    assert any(re.fullmatch(r"-- 4 blacklist of demo starts: \S+ add joe@smith.com", line) for line in lines)
    assert "hunter2" not in traced.file.read_text()


def test_of_what_is_fed_and_said_sizes_are_shown(traced: Traced) -> None:
    with Client(traced.server.imap).log_in() as client:
        client.line("100 EXECUTE (FRAMED) calendar")
        client.command('101 FEED "100" {5+}\r\nhelp\n')
        assert client.response().startswith(b'* EXECUTE (TAG "100") (STDOUT ')
        client.command('102 FEED "100" "quit"')
        client.command('103 FEED "100" NIL')
    lines = traced.after("100 EXECUTE")
    shown = [line for line in lines if line[0] in "CI"]
    assert shown == [
        "C: 100 EXECUTE (FRAMED) calendar",
        'C: 101 FEED "100" {5}',
        "I: 100 (5 octets)",
        'C: 102 FEED "100" …',
        "I: 100 (4 octets)",
        'C: 103 FEED "100" …',
    ]
    assert any(re.fullmatch(r'S: \* EXECUTE \(TAG "100"\) \(STDOUT \{\d+\}', line) for line in lines)
    assert "S: )" in lines
    assert not any("schedule" in line for line in lines)


def test_contents_are_shown_when_they_are_asked_for(with_contents: Traced) -> None:
    with Client(with_contents.server.imap).log_in() as client:
        client.command("1 EXECUTE traced-secret hunter2")
        client.command("2 EXECUTE prints {13+}\r\n\\033[31mred\\n")
    lines = with_contents.after("2 EXECUTE")
    assert r"O: | \x1b[31mred" in lines
    assert r"S: | \x1b[31mred" in lines
    assert "hunter2" not in with_contents.file.read_text()


def test_mail_passes_as_lines_and_its_literals_as_sizes(with_mail: Traced) -> None:
    with Client(with_mail.server.imap).log_in() as client:
        client.command("1 APPEND INBOX {25+}\r\nSubject: hello\r\n\r\nA body.")
        client.command("2 SELECT INBOX")
        client.line("3 FETCH 1 BODY.PEEK[TEXT]")
        client.responses("3")
    lines = with_mail.after("1 APPEND")
    assert lines[:3] == ["C: 1 APPEND INBOX {25+}", "C: (25 octets)", "C: "]
    assert any(line.startswith(r"S: * FLAGS (\Answered ") for line in lines)
    at = lines.index("C: 3 FETCH 1 BODY.PEEK[TEXT]")
    assert lines[at + 1 : at + 3] == ["S: * 1 FETCH (BODY[TEXT] {7}", "S: )"]
    assert not any("A body" in line for line in lines)


def test_the_file_is_for_its_owner_alone_and_one_that_cant_be_written_is_refused(traced: Traced) -> None:
    assert traced.file.stat().st_mode & 0o777 == 0o600
    argv = [sys.executable, str(ROOT / "manage.py"), "runimap", "--engine", "none", "--trace", "/nonexistent/trace"]
    done = subprocess.run(argv, env=traced.server.environment, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: The trace can't be written: ")


def test_a_programs_line_that_looks_like_a_literal_hides_nothing_of_what_follows() -> None:
    responses = Responses()
    data = b'100 text {3}\r\n* EXECUTE (TAG "1") (STDOUT {4}\r\na\r\nb)\r\n1 OK\r\n'
    whole = [
        (b"100 text {3}", False),
        (b'* EXECUTE (TAG "1") (STDOUT {4}', False),
        (b"a\r\nb", True),
        (b")", False),
        (b"1 OK", False),
    ]
    assert list(responses.cut(data)) == whole
    by_octet = [frame for number in range(len(data)) for frame in responses.cut(data[number : number + 1])]
    assert [frame for frame, literal in by_octet if not literal] == [frame for frame, literal in whole if not literal]
    assert b"".join(frame for frame, literal in by_octet if literal) == b"a\r\nb"
