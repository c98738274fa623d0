"""`manage.py execute`: the same verbs on a terminal, by real processes and, where it matters, a real terminal."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.execution.running import GRACE_SECONDS
from tests.support import database, verbs
from tests.support.server import ROOT, Server
from tests.support.verbs import TestVerb, program

FURTHER_VERBS = """
from django.contrib.auth.models import User
from commands.models import Parameter, Rule, Signature, Verb

verb = Verb.objects.create(name="secrets", argv=["/bin/cat"], mode="interactive")
signature = Signature.objects.create(verb=verb)
Parameter.objects.create(signature=signature, position=0, name="old", type="secret")
Parameter.objects.create(signature=signature, position=1, name="new", type="secret")
Rule.objects.create(user=User.objects.get(username="demo"), verb=verb)

verb = Verb.objects.create(name="uids", argv=["/bin/cat"])
Parameter.objects.create(signature=Signature.objects.create(verb=verb), name="messages", type="uids")
Rule.objects.create(user=User.objects.get(username="demo"), verb=verb)
"""

DEADLINE = 60


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    site = Server(tmp_path_factory.mktemp("site"), request.config.stash.get(database.server, None))
    site.prepare()
    interactive = "interactive"
    verbs.add(
        site,
        TestVerb("prints", program("prints", "{text0}"), texts=1),
        TestVerb("exits", program("exits", "{text0}"), texts=1),
        TestVerb("dies", program("dies", "{text0}"), texts=1),
        TestVerb("both", program("both-streams"), send_stderr=True),
        TestVerb("octets", program("octets", "{text0}"), texts=1, output_limit=2**30),
        TestVerb("slow", program("never-reads"), time_limit=1),
        TestVerb("waits", program("never-reads")),
        TestVerb("deaf", program("ignores-term")),
        TestVerb("echo", program("says-pid"), mode=interactive),
        TestVerb("argdump", program("argdump", "{*}"), texts=8),
        TestVerb("input-size", program("input-size", "{text0}"), texts=1, takes_input=True, input_limit=1000),
        TestVerb("nobody", program("never-reads"), user=""),
        TestVerb("missing", ["/nonexistent/program"]),
    )
    site.python(FURTHER_VERBS)
    yield site
    site.close()


def start(site: Server, *arguments: str | bytes, **streams: int) -> subprocess.Popen[bytes]:
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    argv = [sys.executable, str(ROOT / "manage.py"), "execute", *arguments]
    return subprocess.Popen(argv, env=site.environment, cwd=ROOT, **pipe | streams)  # type: ignore[call-overload]


def execute(site: Server, *arguments: str | bytes, given: bytes = b"") -> tuple[int, bytes, str]:
    """Exit status, standard output, standard error."""
    with start(site, *arguments) as process:
        output, errors = process.communicate(given, timeout=DEADLINE)
    return process.returncode, output, errors.decode()


def events(site: Server, verb: str) -> list[tuple[str, ...]]:
    columns = "kind, outcome, actor, door"
    of_verb = f"FROM commands_auditevent WHERE verb = '{verb}' AND kind <> 'change'"
    return site.query(f"SELECT {columns} {of_verb} ORDER BY id")


def test_output_is_unchanged_where_it_is_no_terminal_and_all_is_on_record(site: Server) -> None:
    assert execute(site, "demo", "PRINTS", r"a\x1b[31m\r\n\0\0377") == (0, b"a\x1b[31m\r\n\0\xff", "")
    assert events(site, "prints") == [("accept", "accepted", "demo", "terminal"), ("exit", "exit", "demo", "terminal")]


def test_megabytes_of_output_come_whole(site: Server) -> None:
    assert execute(site, "demo", "octets", "3000000") == (0, b"x" * 3000000, "")


def test_output_into_a_file_and_from_devnull_works(site: Server, tmp_path: Path) -> None:
    with (
        (tmp_path / "out").open("wb") as file,
        start(site, "demo", "prints", "text", stdout=file.fileno(), stdin=subprocess.DEVNULL) as process,
    ):
        assert process.wait(DEADLINE) == 0
    assert (tmp_path / "out").read_bytes() == b"text"


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (("exits", "3"), 3, ""),
        (("dies", "KILL"), 128 + 9, "CommandError: dies was killed by signal 9.\n"),
        (("slow",), 124, "CommandError: slow did not end by itself: timeout.\n"),
    ],
)
def test_the_exit_status_is_the_programs(site: Server, arguments: tuple[str, ...], status: int, error: str) -> None:
    ended = execute(site, "demo", *arguments)
    assert (ended[0], ended[2]) == (status, error)


def test_standard_error_comes_where_the_map_sends_it(site: Server) -> None:
    assert execute(site, "demo", "both") == (0, b"out\n", "err\n")


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (("demo", "nobody"), 77, "The record says: no rule allows it."),
        (("demo", "nonsense"), 77, "The record says: no such verb."),
        (("ann", "blacklist", "list"), 77, r"The record says: rule \d+: .*deny.*ann.*blacklist.*"),
        (("demo", "exits", "1", "2"), 64, r".*usage: \[TEXT0\].*"),
        (("demo", "uids", "1:4"), 64, "it can be run over IMAP alone"),
        (("demo", "missing"), 75, "Refused: missing is not available."),
        (("who", "exits"), 67, "There is no user who."),
    ],
)
def test_a_refusal_names_its_rule(site: Server, arguments: tuple[str, ...], status: int, error: str) -> None:
    ended = execute(site, *arguments)
    assert (ended[0], ended[1]) == (status, b"")
    assert re.search(error, ended[2]), ended[2]


def test_arguments_keep_their_octets_and_dashes_after_the_verb_are_theirs(site: Server) -> None:
    status, output, _ = execute(site, "demo", "argdump", b"gr\xc3\xbcn", "two words", "")
    assert status == 0
    assert json.loads(output)["argv"][1:] == ["gr\xc3\xbcn", "two words", ""]  # octet by octet
    refused = execute(site, "demo", "argdump", "--raw")
    assert (refused[0], "usage" in refused[2]) == (64, True)


def test_a_dialogue_goes_line_by_line_and_ends_with_the_input(site: Server) -> None:
    with start(site, "demo", "echo") as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
        for line in (b"one\n", b"two\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == line
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(DEADLINE) == 0


def test_input_of_a_one_shot_verb_is_not_waited_for(site: Server) -> None:
    with start(site, "demo", "exits", "0") as process:
        assert process.wait(DEADLINE) == 0


def test_a_message_is_read_whole_and_its_size_is_told(site: Server) -> None:
    assert execute(site, "demo", "input-size", "said", given=b"m" * 1000) == (0, b"said 1000 1000\n", "")


def test_a_message_over_the_limit_is_ended(site: Server) -> None:
    status, _, errors = execute(site, "demo", "input-size", "said", given=b"m" * 100000)
    assert (status, errors) == (65, "CommandError: input-size did not end by itself: limit.\n")


def test_secrets_given_as_a_dash_are_read_from_standard_input_and_recorded_nowhere(site: Server) -> None:
    given = b"hunter2-old\nhunter2-new\na line of the dialogue\n"
    assert execute(site, "demo", "secrets", "-", "-", given=given) == (0, given, "")
    assert [event[0] for event in events(site, "secrets")] == ["accept", "exit"]
    assert not site.query("SELECT id FROM commands_auditevent WHERE arguments_text LIKE '%hunter2%'")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_it_and_its_end_is_recorded(site: Server, number: signal.Signals) -> None:
    with start(site, "demo", "waits") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(DEADLINE) == 130
    assert events(site, "waits")[-1][:2] == ("exit", "canceled")


def test_a_second_signal_kills(site: Server) -> None:
    with start(site, "demo", "deaf") as process:
        assert process.stdout is not None and process.stderr is not None
        pid = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == b"Cancelling deaf; once more kills it.\n"
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 130
    assert time.monotonic() - asked < GRACE_SECONDS
    assert not Path(f"/proc/{pid}").exists()


def test_a_reader_that_goes_away_ends_it(site: Server) -> None:
    with start(site, "demo", "octets", "100000000") as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.wait(DEADLINE) == 141
    assert events(site, "octets")[-1][:2] == ("exit", "client-gone")


class Terminal:
    """What a person sees and types."""

    def __init__(self, site: Server, *arguments: str) -> None:
        pid, self.fd = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            argv = [sys.executable, str(ROOT / "manage.py"), "execute", *arguments]
            os.execve(sys.executable, argv, site.environment)
        self.pid = pid
        self.seen = b""

    def type(self, text: bytes) -> None:
        os.write(self.fd, text)

    def until(self, text: bytes) -> None:
        while text not in self.seen:
            assert select.select([self.fd], [], [], DEADLINE)[0], self.seen
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                data = b""
            assert data, self.seen
            self.seen += data

    def end(self) -> int:
        with contextlib.suppress(OSError):
            while data := os.read(self.fd, 4096):
                self.seen += data
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_terminal_is_shown_controls_and_not_moved_by_them(site: Server) -> None:
    terminal = Terminal(site, "demo", "prints", r"\033]0;title\007 gr\0303\0274n\r\nnext\n")
    assert terminal.end() == 0
    assert terminal.seen == b"\\x1b]0;title\\x07 gr\xc3\xbcn\r\nnext\r\n"
    terminal = Terminal(site, "--raw", "demo", "prints", r"\033[0m\n")
    assert terminal.end() == 0
    assert terminal.seen == b"\x1b[0m\r\n"


def test_on_a_terminal_secrets_are_asked_for_unseen_and_ctrl_d_ends_the_dialogue(site: Server) -> None:
    terminal = Terminal(site, "demo", "secrets", "-", "-")
    terminal.until(b"OLD: ")
    terminal.type(b"hunter2-old\n")
    terminal.until(b"NEW: ")
    assert b"hunter2" not in terminal.seen
    terminal.type(b"hunter2-new\n")
    terminal.until(b"hunter2-new\r\n")  # the program's own echo
    terminal.type(b"\x04")
    assert terminal.end() == 0


def test_on_a_terminal_ctrl_c_cancels(site: Server) -> None:
    terminal = Terminal(site, "demo", "waits")
    terminal.until(b"ready")
    terminal.type(b"\x03")
    assert terminal.end() == 130
    assert b"Traceback" not in terminal.seen


def test_on_a_terminal_ctrl_c_before_the_message_is_whole_runs_nothing(site: Server) -> None:
    before = len(events(site, "input-size"))
    terminal = Terminal(site, "demo", "input-size", "x")
    terminal.until(b"Ctrl-D")
    terminal.type(b"half\n\x03")
    assert terminal.end() == 130
    assert b"nothing has run" in terminal.seen
    assert len(events(site, "input-size")) == before
