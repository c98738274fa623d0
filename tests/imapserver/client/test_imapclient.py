"""manage.py imapclient: by hand on a terminal, and from scripts."""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.process import eventually
from tests.support.server import ROOT, Server

PATIENCE = 20
MANAGE = [sys.executable, str(ROOT / "manage.py"), "imapclient"]


class Person:
    """Somebody at a terminal."""

    def __init__(self, server: Server, *arguments: str) -> None:
        self._terminal, theirs = os.openpty()
        self.process = subprocess.Popen(
            [*MANAGE, "--port", str(server.imap[1]), "--user", "demo", *arguments],
            env=server.environment | {"TERM": "dumb", "LANG": "C.UTF-8"},
            cwd=ROOT,
            preexec_fn=lambda: os.login_tty(theirs),
        )
        os.close(theirs)
        self.screen = ""

    def sees(self, text: str) -> str:
        """Wait for it, and return what came before it since the last time."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.screen:
            ready, _, _ = select.select([self._terminal], [], [], deadline - time.monotonic())
            assert ready, f"{text!r} does not come, but: {self.screen!r}"
            self.screen += os.read(self._terminal, 65536).decode()
        before, _, self.screen = self.screen.partition(text)
        assert "\x1b" not in before
        return before.replace("\r\n", "\n")

    def types(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)


@pytest.fixture
def person(server: Server) -> Iterator[Person]:
    person = Person(server)
    try:
        person.sees("Password of demo: ")
        person.types("demo\n")
        assert "demo" not in person.sees("Logged in as")
        person.sees("imapx> ")
        yield person
    finally:
        person.close()


def test_dialogue_by_hand(person: Person) -> None:
    person.types("calendar\n")
    person.sees("calendar> ")
    person.types("list schedule today 8:00 8:30\n")
    assert person.sees("calendar> ").endswith("\n8:00 make coffee\nok\n")
    person.types("quit\n")
    assert person.sees("imapx> ") == "quit\n"
    person.types("\x04")
    assert person.process.wait(PATIENCE) == 0


def test_verbs_and_their_words_are_completed(person: Person) -> None:
    person.types("blackl\ta\tjoe@smith.com\n")
    assert person.sees("imapx> ") == "blacklist add joe@smith.com\n"
    person.types("blacklist list\n")
    assert "joe@smith.com\n" in person.sees("imapx> ")


def test_history_brings_lines_back(person: Person) -> None:
    for line in ("prints one", "prints two"):
        person.types(f"{line}\n")
        person.sees("imapx> ")
    person.types("\x10\x10\n")
    assert person.sees("imapx> ").endswith("\none\n")


def test_program_can_not_control_the_terminal(person: Person) -> None:
    person.types(r"prints '\033]0;title\007\033[31mred\n'" + "\n")
    assert person.sees("imapx> ").endswith("\n\\x1b]0;title\\x07\\x1b[31mred\n")


def test_prompt_begins_a_line_of_its_own(person: Person) -> None:
    person.types("prints unfinished\n")
    assert person.sees("imapx> ") == "prints unfinished\nunfinished\n"


def test_dialogue_is_canceled_by_hand(person: Person) -> None:
    for key in ("\x03", "\x04", "*\n"):
        person.types("calendar\n")
        person.sees("calendar> ")
        person.types(key)
        assert "NO [CANCELED] calendar was canceled" in person.sees("imapx> ")


def test_interrupted_execution_is_ended(person: Person, server: Server) -> None:
    running = "SELECT 1 FROM commands_execution WHERE verb = 'deaf' AND ended IS NULL"
    person.types("deaf\n")
    assert eventually(lambda: server.query(running))
    person.types("\x03")
    person.sees("Connected and logged in anew")
    person.sees("imapx> ")
    assert eventually(lambda: server.exits("deaf")[-1:] in (["canceled"], ["client-gone"]))


class Script:
    def __init__(self, server: Server, password: Path) -> None:
        password.write_text("demo\n")
        self._server, self._password = server, password

    def command(self, *, tls: bool = False) -> list[str]:
        address = self._server.imaps if tls else self._server.imap
        options = ["--port", str(address[1]), "--user", "demo", "--password-file", str(self._password)]
        return [*MANAGE, *options, *(["--tls"] if tls else [])]

    def run(self, script: str, *words: str, tls: bool = False) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self.command(tls=tls), *words],
            input=script.encode(),
            env=self._server.environment,
            cwd=ROOT,
            capture_output=True,
            timeout=PATIENCE,
        )


@pytest.fixture
def script(server: Server, tmp_path: Path) -> Script:
    return Script(server, tmp_path / "password")


def test_script_runs_line_by_line(script: Script) -> None:
    done = script.run(
        """\
# a dialogue takes its lines, the next command has its own
calendar
list schedule today 8:00 8:30
quit
blacklist add script@smith.com

blacklist list
exits 3
""",
        tls=True,
    )
    assert done.stdout.startswith(b"8:00 make coffee\nok\n")
    assert b"script@smith.com\n" in done.stdout
    assert done.stderr == b"NO [EXIT 3] exits failed\n"
    assert done.returncode == 3


def test_octets_come_out_as_they_are_where_no_terminal_is(script: Script) -> None:
    assert script.run(r"prints '\033[31m\0\0377\r\n'").stdout == b"\x1b[31m\0\xff\r\n"


def test_file_is_input(script: Script, tmp_path: Path) -> None:
    octets = bytes(range(256)) * 1000
    (tmp_path / "message.eml").write_bytes(octets)
    assert script.run(f"same < {tmp_path}/message.eml").stdout == octets
    assert script.run(f"echo <{tmp_path}/message.eml").stdout.partition(b"\n")[2] == octets
    assert script.run("same < /no/such/file").stderr == b"/no/such/file can't be read: No such file or directory\n"
    assert script.run("prints 'a < b'").stdout == b"a < b"


def test_mail_command_as_it_is(script: Script) -> None:
    done = script.run('. LIST "" INBOX\n. APPEND INBOX {3}\nabc\n. NONSENSE\n')
    assert re.match(rb'\* LIST \(.*\) "." "?INBOX"?\r\nx\d+ OK ', done.stdout)
    assert b"\r\n+ " in done.stdout
    assert done.returncode == 1


def test_status_says_how_the_last_one_ended(script: Script) -> None:
    wanted = {
        "exits 0": 0,
        "exits 7": 7,
        "dies TERM": 128 + 15,
        "idle": 124,
        "secret": 126,
        "blacklist frob": 2,
        "prints 'open": 2,
        "describe": 2,
        "calendar": 130,
        "secret\nquit": 126,
    }
    with ThreadPoolExecutor(4) as pool:
        statuses = pool.map(lambda line: script.run(line).returncode, wanted)
        assert dict(zip(wanted, statuses, strict=True)) == wanted


def test_one_verb_as_arguments(script: Script) -> None:
    done = script.run("", "prints", "two words")
    assert (done.stdout, done.returncode) == (b"two words", 0)
    done = script.run("", "--", "prints", "-n")
    assert (done.stdout, done.returncode) == (b"", 2)


def test_what_there_is(script: Script) -> None:
    done = script.run("verbs\ndescribe blacklist\nhelp\nrun blacklist list\n")
    assert b"\nblacklist (one-shot) add ADDRESS | " in done.stdout
    assert b'"title": "blacklist"' in done.stdout
    assert b"message.eml" in done.stdout
    assert (done.stderr, done.returncode) == (b"", 0)


def test_reader_that_wants_no_more_ends_it_quietly(server: Server, script: Script) -> None:
    client = subprocess.Popen(
        [*script.command(), "flood-stalls"],
        env=server.environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with client:
        assert client.stdout is not None and client.stderr is not None
        assert client.stdout.read(2) == b"y\n"
        client.stdout.close()
        assert (client.wait(PATIENCE), client.stderr.read()) == (141, b"")


def test_wrong_password_is_told(server: Server, tmp_path: Path) -> None:
    script = Script(server, tmp_path / "password")
    (tmp_path / "password").write_text("wrong\n")
    done = script.run("")
    assert done.returncode == 1
    assert b"No login as demo at 127.0.0.1: [AUTHENTICATIONFAILED]" in done.stderr
