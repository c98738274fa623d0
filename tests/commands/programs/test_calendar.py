import select
import stat
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.commands.programs.script import DEADLINE, run, start

DAY = "2026-06-01"  # a Monday


def talk(home: Path, *lines: str, **variables: str) -> list[str]:
    """The lines of all answers."""
    given = "".join(f"{line}\n" for line in lines).encode()
    status, output, errors = run("imapx-calendar", home=home, given=given, **variables)
    assert (status, errors) == (0, b"")
    return output.decode().splitlines()


def write_events(home: Path, *events: str) -> Path:
    path = home / "calendar.ics"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//somebody//else//EN"]
    for number, event in enumerate(events):
        lines += ["BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20260101T000000Z", *event.split("|"), "END:VEVENT"]
    path.write_bytes("".join(f"{line}\r\n" for line in [*lines, "END:VCALENDAR"]).encode())
    return path


DAILY = (
    "DTSTART:20260101T080000|RRULE:FREQ=DAILY|SUMMARY:make coffee",
    "DTSTART:20260101T090000|RRULE:FREQ=DAILY|SUMMARY:meeting with boss",
    "DTSTART:20260101T093000|RRULE:FREQ=DAILY|SUMMARY:Call Joe Blow at 415-555-1212",
)
PROPOSAL = ["8:00 make coffee", "9:00 meeting with boss", "9:30 Call Joe Blow at 415-555-1212", "ok"]


def test_the_dialogue_of_the_proposal(tmp_path: Path) -> None:
    write_events(tmp_path, *DAILY)
    assert talk(tmp_path, "list schedule today 8:00 10:00", "quit") == PROPOSAL


def read_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n"):
        assert select.select([process.stdout], [], [], DEADLINE)[0], "no answer"
        byte = process.stdout.raw.read(1)  # type: ignore[attr-defined]
        assert byte, "output ended"
        line += byte
    return line


def test_each_answer_comes_before_the_next_line_is_asked_for(tmp_path: Path) -> None:
    write_events(tmp_path, *DAILY)
    with start("imapx-calendar", home=tmp_path) as process:
        assert process.stdin is not None
        for _ in range(2):
            process.stdin.write(b"list schedule tomorrow 8:00 9:00\r\n")
            process.stdin.flush()
            assert [read_line(process), read_line(process)] == [b"8:00 make coffee\n", b"ok\n"]
        assert process.communicate(b"quit\n", timeout=DEADLINE) == (b"", b"")
    assert process.returncode == 0


@pytest.mark.parametrize("given", [b"quit\n", b"QUIT", b"", b"quit\nlist schedule today\n"])
def test_quit_and_end_of_input_print_nothing(tmp_path: Path, given: bytes) -> None:
    assert run("imapx-calendar", home=tmp_path, given=given) == (0, b"", b"")
    assert not list(tmp_path.iterdir())


def test_added_events_are_listed_in_order_and_kept(tmp_path: Path) -> None:
    added = talk(tmp_path, f"add {DAY} 14:00 15:30 Zahnärztin", f"ADD {DAY} 08:05  water  the flowers")
    assert added == ["ok", "ok"]
    assert talk(tmp_path, f"list schedule {DAY}") == ["8:05 water the flowers", "14:00-15:30 Zahnärztin", "ok"]
    assert stat.S_IMODE((tmp_path / "calendar.ics").stat().st_mode) == 0o600


def test_the_file_is_icalendar_in_floating_time(tmp_path: Path) -> None:
    talk(tmp_path, f"add {DAY} 14:00 24:00 a; b, c")
    lines = (tmp_path / "calendar.ics").read_bytes().decode().split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert "VERSION:2.0" in lines
    assert {"DTSTART:20260601T140000", "DTEND:20260602T000000", r"SUMMARY:a\; b\, c"} <= set(lines)
    assert talk(tmp_path, f"list schedule {DAY}", TZ="<LOC>-9")[0] == "14:00-24:00 a; b, c"


def test_a_range_holds_what_starts_in_it_or_still_goes_on_but_not_what_starts_at_its_end(tmp_path: Path) -> None:
    talk(
        tmp_path,
        f"add {DAY} 7:00 8:00 ends as it begins",
        f"add {DAY} 7:30 8:30 goes on",
        f"add {DAY} 8:00 starts",
        f"add {DAY} 10:00 later",
    )
    assert talk(tmp_path, f"list schedule {DAY} 8:00 10:00") == ["7:30-8:30 goes on", "8:00 starts", "ok"]


def noon() -> tuple[str, date]:
    """A time zone where it is noon, so that no test sees midnight pass, and its date."""
    now = datetime.now(UTC)
    return f"<LOC>{now.hour - 12:+d}", (now - timedelta(hours=now.hour - 12)).date()


def test_days_by_name_are_the_next_ones_from_today_on(tmp_path: Path) -> None:
    zone, today = noon()
    write_events(tmp_path, *(f"DTSTART:{today + timedelta(n):%Y%m%d}T080000|SUMMARY:day {n}" for n in range(8)))
    assert talk(tmp_path, "list schedule today", "list schedule Tomorrow", TZ=zone) == [
        "8:00 day 0", "ok", "8:00 day 1", "ok"
    ]  # fmt: skip
    for number in range(7):
        name = f"{today + timedelta(number):%A}"
        assert talk(tmp_path, f"list schedule {name}", TZ=zone) == [f"8:00 day {number}", "ok"]


def test_events_with_a_time_zone_are_shown_in_local_time(tmp_path: Path) -> None:
    write_events(tmp_path, "DTSTART:20260531T230000Z|DTEND:20260531T233000Z|SUMMARY:far away")
    assert talk(tmp_path, f"list schedule {DAY}", TZ="<LOC>-2") == ["1:00-1:30 far away", "ok"]
    assert talk(tmp_path, f"list schedule {DAY}", TZ="<LOC>+2") == ["ok"]


def test_events_of_other_software_are_one_line_each(tmp_path: Path) -> None:
    write_events(
        tmp_path,
        "DTSTART;VALUE=DATE:20260601|SUMMARY:holiday",
        "DTSTART:20260531T220000|DTEND:20260602T080000|SUMMARY:train",
        r"DTSTART:20260601T080000|SUMMARY:two\nlines" + "\x1b[2J",
        "DTSTART:20260601T090000|DURATION:PT1H",
    )
    assert talk(tmp_path, f"list schedule {DAY}") == [
        "0:00-24:00 train", "all day holiday", "8:00 two lines\ufffd[2J", "9:00-10:00 ", "ok"
    ]  # fmt: skip


def test_removing_takes_out_one(tmp_path: Path) -> None:
    talk(tmp_path, f"add {DAY} 8:00 make coffee", f"add {DAY} 8:00 make tea", f"add {DAY} 9:00 meeting")
    assert talk(tmp_path, f"remove {DAY} 9:00", f"remove {DAY} 8:00 MAKE tea") == ["ok", "ok"]
    assert talk(tmp_path, f"list schedule {DAY}") == ["8:00 make coffee", "ok"]


def test_removing_a_recurring_event_leaves_its_other_days(tmp_path: Path) -> None:
    write_events(tmp_path, *DAILY)
    assert talk(tmp_path, f"remove {DAY} 8:00", f"list schedule {DAY} 8:00 9:30") == [
        "ok", "9:00 meeting with boss", "ok"
    ]  # fmt: skip
    assert talk(tmp_path, "list schedule 2026-06-02 8:00 10:00") == PROPOSAL


def test_removing_a_moved_day_of_a_recurring_event_does_not_bring_back_the_original(tmp_path: Path) -> None:
    path = write_events(tmp_path, DAILY[0], "RECURRENCE-ID:20260601T080000|DTSTART:20260601T083000|SUMMARY:late coffee")
    path.write_bytes(path.read_bytes().replace(b"UID:1", b"UID:0"))
    assert talk(tmp_path, f"list schedule {DAY}") == ["8:30 late coffee", "ok"]
    assert talk(tmp_path, f"remove {DAY} 8:30", f"list schedule {DAY}") == ["ok", "ok"]
    assert talk(tmp_path, "list schedule 2026-06-02") == ["8:00 make coffee", "ok"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "expected: list, find, add, move, remove, help or quit"),
        ("frobnicate", "expected: list, find, add, move, remove, help or quit"),
        ("list schedule today 8:00", "expected: list [schedule] [DAY [LAST]] [FROM TO]"),
        ("list schedule today 8:00 9:00 10:00", "expected: list [schedule] [DAY [LAST]] [FROM TO]"),
        ("list schedule yesterdy", "expected a day: today, tomorrow, the name of a weekday or YYYY-MM-DD"),
        ("list schedule 2026-02-30", "expected a day: today, tomorrow, the name of a weekday or YYYY-MM-DD"),
        ("list schedule 9999-12-31", "expected a day: today, tomorrow, the name of a weekday or YYYY-MM-DD"),
        ("list schedule today 8 10", "expected a day: today, tomorrow, the name of a weekday or YYYY-MM-DD"),
        ("list schedule today 10:00 8:00", "expected TO to be later than FROM"),
        ("list schedule today 8:00 24:01", "expected a time like 8:00 or 17:30"),
        (
            "add today 8:00",
            "expected: add DAY (TIME [END] | [LAST] all day) [every [N] UNIT [until DAY | N times]] TEXT",
        ),
        (
            "add today 8:00 9:00",
            "expected: add DAY (TIME [END] | [LAST] all day) [every [N] UNIT [until DAY | N times]] TEXT",
        ),
        ("add today 24:00 too late", "expected a time like 8:00 or 17:30"),
        ("add today 8:00 9:75 no time", "expected a time like 8:00 or 17:30"),
        ("add today 9:00 8:00 backwards", "expected END to be later than TIME"),
        ("add today ٨:00 eight", "expected a time like 8:00 or 17:30"),
        ("remove today", "expected: remove [series] DAY (TIME | all day) [TEXT]"),
        ("remove today 8:00", "there is no such event then"),
        ("quit now", "expected: list, find, add, move, remove, help or quit"),
        ("add today 8:00 \x1b[2J", "expected a line without control characters"),
        ("add today 8:00 " + "x" * 4096, "the line is longer than 4096 bytes"),
    ],
)
def test_what_is_not_understood_gets_an_error_and_the_dialogue_goes_on(tmp_path: Path, line: str, error: str) -> None:
    assert talk(tmp_path, line, f"list schedule {DAY}") == [f"error: {error}", "ok"]


def test_a_line_of_no_text_gets_an_error(tmp_path: Path) -> None:
    status, output, _ = run("imapx-calendar", home=tmp_path, given=b"add today 8:00 \xff\n")
    assert (status, output) == (0, b"error: expected a line of UTF-8 text\n")


def test_the_same_event_twice_and_an_ambiguous_removal_are_refused(tmp_path: Path) -> None:
    talk(tmp_path, f"add {DAY} 8:00 make coffee", f"add {DAY} 8:00 make tea")
    assert talk(tmp_path, f"add {DAY} 8:00 make tea", f"remove {DAY} 8:00") == [
        "error: that event is in the calendar already",
        "error: 2 events start then, give the text too",
    ]


def test_no_line_of_the_dialogue_reads_like_an_end(tmp_path: Path) -> None:
    answers = talk(tmp_path, "help", "ok [EXIT 0]", f"add {DAY} 8:00 OK [EXIT 0]", f"list schedule {DAY}")
    assert not [line for line in answers if line.lower().startswith(("ok [", "no [", "bad"))]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a calendar",
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n",
        b"BEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n",
        b"BEGIN:VCALENDAR\r\nX-NOTE:\xff\r\nEND:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:eight\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    ],
)
def test_a_file_that_cannot_be_read_whole_is_not_written_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "calendar.ics"
    path.write_bytes(content)
    error = "error: the calendar file can't be read; it is left as it is"
    assert talk(tmp_path, f"list schedule {DAY}", f"add {DAY} 8:00 x", f"remove {DAY} 8:00") == [error] * 3
    assert path.read_bytes() == content


def test_what_is_no_file_gets_an_error(tmp_path: Path) -> None:
    (tmp_path / "calendar.ics").mkdir()
    assert talk(tmp_path, f"list schedule {DAY}", f"add {DAY} 8:00 x") == [
        "error: the calendar file can't be read; it is left as it is (Is a directory)",
        "error: the calendar file can't be changed (Is a directory)",
    ]


def test_a_full_calendar_says_so_and_stays(tmp_path: Path) -> None:
    path = write_events(tmp_path, "DTSTART:20260101T080000|DESCRIPTION:" + "x" * 256 * 1024)
    before = path.read_bytes()
    assert talk(tmp_path, f"add {DAY} 8:00 x") == ["error: the calendar is full"]
    assert path.read_bytes() == before


def test_a_full_disk_loses_nothing_and_is_said(tmp_path: Path) -> None:
    path = write_events(tmp_path, *DAILY, "DTSTART:20260101T080000|DESCRIPTION:" + "x" * 4096)
    before = path.read_bytes()
    given = (
        f"add {DAY} 8:00 x\nremove {DAY} 8:00 make coffee\nmove {DAY} 9:00 to 10:00\nlist {DAY} 9:30 10:00\n".encode()
    )
    status, output, errors = run("imapx-calendar", home=tmp_path, given=given, under=["prlimit", "--fsize=4096"])
    refused = "error: the calendar file can't be changed (File too large)"
    assert (status, errors) == (0, b"")
    assert output.decode().splitlines() == [refused] * 3 + ["9:30 Call Joe Blow at 415-555-1212", "ok"]
    assert path.read_bytes() == before
    assert not (tmp_path / "calendar.ics.new").exists()


def test_parallel_dialogues_lose_nothing(tmp_path: Path) -> None:
    processes = [start("imapx-calendar", home=tmp_path) for _ in range(4)]
    for number, process in enumerate(processes):
        assert process.stdin is not None
        process.stdin.write(b"".join(b"add 2026-06-01 %d:%02d x\n" % (number, minute) for minute in range(5)))
        process.stdin.flush()
    assert [process.communicate(timeout=DEADLINE) for process in processes] == [(b"ok\n" * 5, b"")] * 4
    expected = [f"{number}:{minute:02} x" for number in range(4) for minute in range(5)]
    assert talk(tmp_path, f"list schedule {DAY}") == [*expected, "ok"]
