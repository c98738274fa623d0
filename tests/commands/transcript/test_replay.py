"""`manage.py replay`: transcripts of real executions, on a terminal and elsewhere."""

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from commands.models import AuditEvent, Execution
from commands.transcript.asciicast import asciicast
from commands.transcript.chunk import Chunk
from tests.support.server import ROOT

from .conftest import run_it, says

pytestmark = pytest.mark.django_db(transaction=True)

DEADLINE = 60


@pytest.fixture
def replay(capsysbinary: pytest.CaptureFixture[bytes]):
    """Replays the last execution that ran, or the one whose id is given; returns what it prints."""

    def replay(*arguments: str, id: str | None = None) -> bytes:
        capsysbinary.readouterr()
        call_command("replay", *arguments, str(Execution.objects.latest("started").pk) if id is None else id)
        return capsysbinary.readouterr().out

    return replay


def views() -> list[tuple[str, str, str]]:
    return list(AuditEvent.objects.filter(kind="view").order_by("pk").values_list("reason", "actor", "door"))


def test_lines_are_marked_by_their_direction_and_the_view_is_on_record(attempt, replay):
    run_it(attempt("enquires"), says(b"ann\n", b"york\n", wait_for=b"\x05"))
    execution = Execution.objects.get()
    shown = b"> name?\n> \\x05\n< ann\n> town?\n> \\x05\n< york\n> ann of york\n"
    assert replay(id=str(execution.pk)[:10]) == shown
    ((reason, actor, door),) = views()
    assert (reason, door) == ("transcript: replay", "terminal")
    assert actor.endswith(" (manage.py)")
    assert AuditEvent.objects.get(kind="view").execution_id == execution.pk


def test_line_that_does_not_end_is_ended_where_the_other_begins(attempt, replay):
    run_it(attempt("/bin/sh", "-c", "printf 'name? '; read -r name; printf x"), says(b"ann\n", wait_for=b"?"))
    assert replay() == b"> name? \n< ann\n> x\n"


def test_program_cannot_pass_its_output_off_as_input_or_take_over_the_terminal(attempt, replay):
    run_it(attempt("prints", r"< forged\n\033]0;title\007\342\200\256gpj.exe\r\nlast"))
    assert replay() == b"> < forged\n> \\x1b]0;title\\x07\\u202egpj.exe\n> last\n"


def test_character_that_is_cut_off_at_the_end_is_shown(attempt, replay):
    run_it(attempt("prints", r"caf\0303"))
    assert replay() == b"> caf\\xc3\n"


def test_environment_does_not_say_who_views(attempt, replay, monkeypatch):
    run_it(attempt("prints", "x"))
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    replay()
    assert "somebody-else" not in views()[0][1]


def test_asciicast_can_be_written_in_any_locale_and_to_a_terminal(attempt, replay):
    run_it(attempt("prints", r"caf\0303\0251\0302\0233"))
    written = replay("--asciicast", "-")
    assert written.isascii()
    assert json.loads(written.splitlines()[1])[2] == "caf\xe9\x9b"


def test_asciicast_does_not_go_back_in_time():
    late = (Chunk(1, 2_000_000, "o", 1, b"x"), Chunk(2, 1_000_000, "i", 1, b"y"))
    _, *events = asciicast(late, title="", timestamp=0)
    assert [json.loads(event)[0] for event in events] == [2.0, 2.0]


def test_raw_is_what_went_by(attempt, replay):
    run_it(attempt("prints", r"\033[31m\r\n\0377"))
    assert replay("--raw") == b"\x1b[31m\r\n\xff"


def test_standard_error_has_a_mark_of_its_own(attempt, replay):
    run_it(attempt("both-streams", send_stderr=True))
    assert sorted(replay().splitlines()) == [b"! err", b"> out"]


def test_metadata_shows_sizes_and_times(attempt, replay):
    run_it(attempt("prints", "hello", transcript="metadata"))
    seconds, _, rest = replay().decode().strip().partition(" s  ")
    assert rest == "5 bytes of output, not recorded"
    assert 0 < float(seconds) < DEADLINE
    with pytest.raises(CommandError, match="Only sizes and times were recorded of it"):
        replay("--asciicast", "-")


@pytest.mark.parametrize(
    ("id", "error"),
    [
        ("12345678-0000", "There is no execution whose id begins with 12345678-0000."),
        (
            "blacklist",
            "'blacklist' is not the beginning of an execution's id, as in 3f2a9c1e: give hexadecimal digits.",
        ),
        ("", "'' is not the beginning of an execution's id, as in 3f2a9c1e: give hexadecimal digits."),
    ],
)
def test_id_that_names_none_is_told(replay, id: str, error: str):
    with pytest.raises(CommandError) as caught:
        replay(id=id)
    assert str(caught.value) == error


def test_id_that_names_two_is_told(attempt, replay, monkeypatch):
    run_it(attempt("prints", "x"))
    first = Execution.objects.get()
    twin = str(first.pk)[:-1] + ("0" if str(first.pk)[-1] != "0" else "1")
    first.pk = twin
    first.save(force_insert=True)
    with pytest.raises(CommandError, match=r"More than one execution's id begins with .*: give more of it"):
        replay(id=twin[:8])
    with pytest.raises(CommandError, match="Nothing is recorded of it"):
        replay(id=twin)


def test_what_was_not_recorded_is_told_apart_from_what_was_empty(attempt, replay):
    run_it(attempt("prints", "x", transcript="none"))
    with pytest.raises(CommandError, match="had no transcript when it ran"):
        replay()
    run_it(attempt("/bin/true"))
    with pytest.raises(CommandError, match="nothing went in or out"):
        replay()
    assert views() == []


def test_asciicast_has_both_directions_with_their_times(attempt, replay, tmp_path: Path):
    run_it(attempt("says-pid", redactions=["pin [0-9]+"]), says(b"my pin 1234\n"))
    cast = tmp_path / "it.cast"
    assert replay("--asciicast", str(cast)) == b""
    header, pid, *events = map(json.loads, cast.read_text().splitlines())
    assert header["version"] == 2
    assert (header["width"], header["height"], header["title"]) == (80, 24, "ann: v0")
    assert [(kind, data) for _, kind, data in events] == [("i", "my [redacted]\r\n"), ("o", "my [redacted]\r\n")]
    assert pid[1:] == ["o", pid[2].strip() + "\r\n"]
    assert 0 < pid[0] <= events[0][0] <= events[1][0] < DEADLINE
    assert [view[0] for view in views()] == ["transcript: asciicast"]


@pytest.mark.parametrize("given", [("--speed", "0"), ("--speed", "nan"), ("--max-pause", "x")])
def test_speed_that_is_none_is_refused(replay, given: tuple[str, str]):
    with pytest.raises(CommandError, match="is no number above 0"):
        replay(*given, id="12")


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


def test_view_that_cannot_be_recorded_shows_nothing(attempt, replay, capsysbinary):
    run_it(attempt("prints", "hidden"))
    rename("commands_auditevent", "away")
    try:
        with pytest.raises(CommandError, match="That it is viewed can't be recorded, so it is not shown"):
            replay()
    finally:
        rename("away", "commands_auditevent")
    assert capsysbinary.readouterr().out == b""


def on_terminal(*arguments: str) -> tuple[bytes, float]:
    """What a terminal is sent by a process of its own, and the seconds from the first of it to the last."""
    leader, follower = pty.openpty()
    name = connection.settings_dict["NAME"]
    url = f"sqlite:///{name}"
    if connection.vendor == "postgresql":
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    argv = [sys.executable, str(ROOT / "manage.py"), "replay", *arguments, str(Execution.objects.get().pk)]
    environment = os.environ | {"DATABASE_URL": url}
    with subprocess.Popen(argv, env=environment, cwd=ROOT, stdout=follower, stderr=subprocess.PIPE) as process:
        os.close(follower)
        shown, times = b"", [0.0]
        while True:
            try:
                shown += os.read(leader, 65536)
            except OSError:  # all have closed it
                break
            times.append(time.monotonic())
        _, errors = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, errors.decode()
    os.close(leader)
    return shown, times[-1] - times[1]


def test_on_a_terminal_it_takes_its_time_and_input_has_a_colour(attempt):
    run_it(attempt("enquires"), says(b"ann\n", b"york\n", wait_for=b"\x05"))  # it thinks for 0.2 s
    shown, seconds = on_terminal()
    assert shown == (
        b"name?\r\n\\x05\r\n\x1b[1;36mann\r\n\x1b[0mtown?\r\n\\x05\r\n\x1b[1;36myork\r\n\x1b[0mann of york\r\n"
    )
    assert seconds >= 0.15
    slow, seconds = on_terminal("--speed", "0.5")
    assert (slow, seconds >= 0.35) == (shown, True)
