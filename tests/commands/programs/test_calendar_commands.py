"""Ranges, days without times, repetitions, moving and finding, and the one-shot call."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.commands.programs.script import run
from tests.commands.programs.test_calendar import DAILY, DAY, PROPOSAL, noon, talk, write_events

BERLIN = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""


def write_zoned(home: Path, *events: str) -> Path:
    path = write_events(home, *events)
    data = path.read_bytes()
    head, body = data.split(b"BEGIN:VEVENT", 1)
    path.write_bytes(head + BERLIN.replace("\n", "\r\n").encode() + b"BEGIN:VEVENT" + body)
    return path


def test_a_single_command_is_answered_without_ok(tmp_path: Path) -> None:
    write_events(tmp_path, *DAILY)
    answer = "".join(f"{line}\n" for line in PROPOSAL[:-1]).encode()
    assert run("imapx-calendar", "list", "2026-11-24", home=tmp_path) == (0, answer, b"")
    assert run("imapx-calendar", "list schedule", "today", "8:00", "10:00", home=tmp_path) == (0, answer, b"")
    assert run("imapx-calendar", "add", DAY, "11:00", "two  words", home=tmp_path) == (0, b"", b"")
    assert run("imapx-calendar", "quit", home=tmp_path) == (0, b"", b"")


def test_a_single_command_that_is_refused_has_status_1(tmp_path: Path) -> None:
    for arguments, text in (
        (("remove", DAY, "8:00"), "there is no such event then"),
        (("frobnicate",), "expected: list, find, add, move, remove, help or quit"),
        (("add", DAY, "8:00", b"\xff"), "expected a line of UTF-8 text"),
    ):
        assert run("imapx-calendar", *arguments, home=tmp_path) == (1, f"{text}\n".encode(), b"")


def test_list_without_a_day_is_of_today(tmp_path: Path) -> None:
    zone, today = noon()
    write_events(tmp_path, *(f"DTSTART:{today + timedelta(n):%Y%m%d}T080000|SUMMARY:day {n}" for n in (0, 1)))
    assert talk(tmp_path, "list", "list schedule", "list 8:00 9:00", TZ=zone) == ["8:00 day 0", "ok"] * 3


def test_a_range_of_days_says_which_day_each_line_is_of(tmp_path: Path) -> None:
    write_events(
        tmp_path,
        DAILY[0],
        "DTSTART;VALUE=DATE:20260602|DTEND;VALUE=DATE:20260604|SUMMARY:fair",
        "DTSTART:20260601T220000|DTEND:20260602T060000|SUMMARY:train",
    )
    assert talk(tmp_path, "list 2026-06-01 2026-06-03") == [
        "2026-06-01 8:00 make coffee",
        "2026-06-01 22:00-24:00 train",
        "2026-06-02 0:00-6:00 train",
        "2026-06-02 all day fair",
        "2026-06-02 8:00 make coffee",
        "2026-06-03 all day fair",
        "2026-06-03 8:00 make coffee",
        "ok",
    ]
    assert talk(tmp_path, "list 2026-06-01 2026-06-02 5:00 7:00")[:-1] == [
        "2026-06-02 0:00-6:00 train", "2026-06-02 all day fair"
    ]  # fmt: skip


def test_a_range_of_a_year_is_whole(tmp_path: Path) -> None:
    write_events(tmp_path, DAILY[0], "DTSTART:20260115T120000|DTEND:20260320T120000|SUMMARY:journey")
    answer = talk(tmp_path, "list 2026-01-01 2027-01-01")
    days = [f"{date(2026, 1, 1) + timedelta(n)} 8:00 make coffee" for n in range(366)]
    assert [line for line in answer if line.endswith("coffee")] == days
    assert sum(line.endswith("journey") for line in answer) == 65


@pytest.mark.parametrize(
    ("rest", "days"),
    [
        ("every day", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("every 3 days", [1, 4, 7]),
        ("Every Day until 2026-06-03", [1, 2, 3]),
        ("every day 2 times", [1, 2]),
        ("every week", [1, 8]),
        ("every 2 weeks", [1]),
        ("every 1 month", [1]),
    ],
)
@pytest.mark.parametrize("when", ["8:00", "8:00 9:00", "all day"])
def test_events_repeat(tmp_path: Path, when: str, rest: str, days: list[int]) -> None:
    assert talk(tmp_path, f"add {DAY} {when} {rest} gym") == ["ok"]
    shown = "all day" if when == "all day" else when.replace(" ", "-")
    expected = [f"2026-06-0{day} {shown} gym" for day in days]
    assert talk(tmp_path, "list 2026-06-01 2026-06-08") == [*expected, "ok"]


def test_months_and_years_repeat_on_the_day_of_the_month(tmp_path: Path) -> None:
    talk(tmp_path, "add 2026-01-31 8:00 every month 3 times rent", "add 2026-06-15 all day every year birthday")
    assert talk(tmp_path, "list 2026-01-01 2026-12-31")[:-1] == [
        "2026-01-31 8:00 rent", "2026-03-31 8:00 rent", "2026-05-31 8:00 rent", "2026-06-15 all day birthday"
    ]  # fmt: skip
    assert talk(tmp_path, "list 2035-06-15") == ["all day birthday", "ok"]


def test_a_text_that_only_begins_like_a_repetition_is_text(tmp_path: Path) -> None:
    talk(tmp_path, f"add {DAY} 8:00 every child counts", f"add {DAY} 9:00 every day 3 apples")
    assert talk(tmp_path, f"list {DAY}") == ["8:00 every child counts", "9:00 3 apples", "ok"]


def test_an_end_of_the_series_is_written_as_the_events_start_is(tmp_path: Path) -> None:
    talk(tmp_path, f"add {DAY} 8:00 every day until 2026-06-03 a", f"add {DAY} all day every day until 2026-06-03 b")
    data = (tmp_path / "calendar.ics").read_bytes()
    assert b"RRULE:FREQ=DAILY;UNTIL=20260603T235959\r\n" in data
    assert b"RRULE:FREQ=DAILY;UNTIL=20260603\r\n" in data


def test_events_of_all_day_may_last_several(tmp_path: Path) -> None:
    talk(tmp_path, f"add {DAY} 2026-06-03 all day fair", f"add {DAY} all day holiday")
    lines = (tmp_path / "calendar.ics").read_bytes().split(b"\r\n")
    assert {b"DTSTART;VALUE=DATE:20260601", b"DTEND;VALUE=DATE:20260604"} <= set(lines)
    assert talk(tmp_path, "list 2026-06-03", "list 2026-06-04") == ["all day fair", "ok", "ok"]
    assert talk(tmp_path, f"remove {DAY} all day holiday", f"list {DAY}") == ["ok", "all day fair", "ok"]


def test_an_event_moves_with_its_length(tmp_path: Path) -> None:
    talk(tmp_path, f"add {DAY} 9:00 10:30 meeting with boss", f"add {DAY} 9:00 tea", f"add {DAY} all day fair")
    for line, listed in (
        (f"move {DAY} 9:00 Meeting with BOSS to 14:00", [f"{DAY} all day fair", f"{DAY} 9:00 tea",
                                                         f"{DAY} 14:00-15:30 meeting with boss"]),
        (f"move {DAY} 14:00 to 2026-06-02", [f"{DAY} all day fair", f"{DAY} 9:00 tea",
                                             "2026-06-02 14:00-15:30 meeting with boss"]),
        (f"move {DAY} 9:00 to 2026-06-02 8:00", [f"{DAY} all day fair", "2026-06-02 8:00 tea",
                                                 "2026-06-02 14:00-15:30 meeting with boss"]),
        (f"move {DAY} all day to 2026-06-02", ["2026-06-02 all day fair", "2026-06-02 8:00 tea",
                                               "2026-06-02 14:00-15:30 meeting with boss"]),
    ):  # fmt: skip
        assert talk(tmp_path, line, "list 2026-06-01 2026-06-02") == ["ok", *listed, "ok"]


def test_one_day_of_a_recurring_event_moves_and_the_others_stay(tmp_path: Path) -> None:
    write_events(tmp_path, "DTSTART:20260101T080000|DTEND:20260101T090000|RRULE:FREQ=DAILY|SUMMARY:gym")
    assert talk(tmp_path, f"move {DAY} 8:00 to 10:00") == ["ok"]
    expected = ["2026-05-31 8:00-9:00 gym", f"{DAY} 10:00-11:00 gym", "2026-06-02 8:00-9:00 gym", "ok"]
    assert talk(tmp_path, "list 2026-05-31 2026-06-02") == expected
    assert talk(tmp_path, f"move {DAY} 10:00 to 2026-06-02 7:00") == ["ok"]
    expected = ["2026-05-31 8:00-9:00 gym", "2026-06-02 7:00-8:00 gym", "2026-06-02 8:00-9:00 gym", "ok"]
    assert talk(tmp_path, "list 2026-05-31 2026-06-02") == expected
    assert talk(tmp_path, "remove 2026-06-02 7:00", "list 2026-05-31 2026-06-02") == ["ok", expected[0], *expected[2:]]


def test_one_of_a_recurring_event_of_all_day_moves(tmp_path: Path) -> None:
    talk(tmp_path, f"add {DAY} 2026-06-02 all day every week fair", f"move {DAY} all day to 2026-06-03")
    listed = [
        "2026-06-03 all day fair",
        "2026-06-04 all day fair",
        "2026-06-08 all day fair",
        "2026-06-09 all day fair",
    ]
    assert talk(tmp_path, "list 2026-06-01 2026-06-10") == [*listed, "ok"]
    assert talk(tmp_path, "remove series 2026-06-15 all day", "find fair") == ["ok", "ok"]


def test_a_single_event_keeps_its_duration_and_all_else_that_other_software_wrote(tmp_path: Path) -> None:
    event = (
        "DTSTART:20260601T080000Z|DURATION:PT1H|SUMMARY:call|LOCATION:room 1|X-OTHER;X-A=b:c|ATTENDEE:mailto:a@b.org"
    )
    path = write_events(tmp_path, event)
    assert talk(tmp_path, f"move {DAY} 10:00 to 12:00", f"list {DAY}", TZ="Europe/Berlin") == [
        "ok", "12:00-13:00 call", "ok"
    ]  # fmt: skip
    lines = path.read_bytes().decode().split("\r\n")
    assert {"DTSTART:20260601T100000Z", "DURATION:PT1H", "LOCATION:room 1", "X-OTHER;X-A=b:c"} <= set(lines)
    assert "ATTENDEE:mailto:a@b.org" in lines


def test_a_series_is_removed_whole_with_the_days_that_were_moved(tmp_path: Path) -> None:
    write_events(tmp_path, *DAILY)
    assert talk(tmp_path, f"move {DAY} 8:00 to 8:30", "remove series 2026-06-03 8:00") == ["ok", "ok"]
    assert not [line for line in talk(tmp_path, "list 2026-05-01 2026-07-01") if "coffee" in line]
    assert talk(tmp_path, f"list {DAY} 9:00 9:30") == ["9:00 meeting with boss", "ok"]


def test_find_gives_each_event_once_on_its_next_day(tmp_path: Path) -> None:
    zone, today = noon()
    day = f"{today:%Y%m%d}"
    write_events(
        tmp_path,
        "DTSTART:20200101T080000|RRULE:FREQ=DAILY|SUMMARY:early coffee",
        "DTSTART:20200101T130000|RRULE:FREQ=DAILY|SUMMARY:late COFFEE",
        "DTSTART:20200101T080000|SUMMARY:coffee of old",
        rf"DTSTART:{day}T150000|SUMMARY:meeting|DESCRIPTION:bring\ncoffee",
        "DTSTART:20200101T080000|RRULE:FREQ=DAILY|SUMMARY:tea",
    )
    assert talk(tmp_path, "find coffee", TZ=zone) == [
        "2020-01-01 8:00 coffee of old",
        f"{today} 8:00 early coffee",
        f"{today} 13:00 late COFFEE",
        f"{today} 15:00 meeting",
        "ok",
    ]
    assert talk(tmp_path, "find COFFEE of", "find milk", TZ=zone) == ["2020-01-01 8:00 coffee of old", "ok", "ok"]


def test_find_does_not_give_what_was_removed(tmp_path: Path) -> None:
    talk(tmp_path, f"add {DAY} 8:00 every day 2 times gym", f"remove {DAY} 8:00", "remove 2026-06-02 8:00")
    assert talk(tmp_path, "find gym") == ["ok"]


def test_an_event_with_a_zone_keeps_its_zones_clock_over_the_change_of_summer_time(tmp_path: Path) -> None:
    write_zoned(tmp_path, "DTSTART;TZID=Europe/Berlin:20261024T090000|RRULE:FREQ=DAILY|SUMMARY:call")
    listed = [(day, "Europe/Berlin", "9:00") for day in ("2026-10-24", "2026-10-25", "2026-10-26")]
    listed += [("2026-10-24", "UTC", "7:00"), ("2026-10-26", "UTC", "8:00"), ("2026-10-26", "America/New_York", "4:00")]
    for day, zone, shown in listed:
        assert talk(tmp_path, f"list {day}", TZ=zone) == [f"{shown} call", "ok"]


def test_an_event_with_a_zone_is_moved_and_removed_by_local_time_and_keeps_its_zone(tmp_path: Path) -> None:
    rule = "DTSTART;TZID=Europe/Berlin:20260101T090000|DTEND;TZID=Europe/Berlin:20260101T100000|RRULE:FREQ=DAILY"
    path = write_zoned(tmp_path, f"{rule}|SUMMARY:call")
    moved = talk(tmp_path, f"move {DAY} 7:00 to 12:00", "remove 2026-06-02 7:00", TZ="UTC")
    assert moved == ["ok", "ok"]
    data = path.read_bytes()
    assert b"RECURRENCE-ID;TZID=Europe/Berlin:20260601T090000\r\n" in data
    assert b"DTSTART;TZID=Europe/Berlin:20260601T140000\r\nDTEND;TZID=Europe/Berlin:20260601T150000\r\n" in data
    assert b"EXDATE;TZID=Europe/Berlin:20260602T090000\r\n" in data
    assert talk(tmp_path, "list 2026-06-01 2026-06-03", TZ="UTC") == [
        f"{DAY} 12:00-13:00 call", "2026-06-03 7:00-8:00 call", "ok"
    ]  # fmt: skip


def test_more_than_an_answer_can_hold_is_refused(tmp_path: Path) -> None:
    write_events(tmp_path, "DTSTART:20260101T000000|RRULE:FREQ=HOURLY|SUMMARY:tick")
    assert talk(tmp_path, "list 2026-06-01 2027-06-01") == ["error: more than 2000 events: ask for less time"]
    write_events(tmp_path, *(f"DTSTART:20260101T000000|SUMMARY:x{n}" for n in range(101)))
    assert talk(tmp_path, "find x") == ["error: more than 100 events hold that text: give more of it"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (f"list {DAY} 2026-05-31", "expected LAST to be on or after DAY, and at most 366 days in all"),
        (f"list {DAY} 2027-06-02", "expected LAST to be on or after DAY, and at most 366 days in all"),
        ("find", "expected: find TEXT"),
        ("move today 8:00", "expected: move DAY (TIME | all day) [TEXT] to [DAY] [TIME]"),
        ("move today 8:00 to", "expected: move DAY (TIME | all day) [TEXT] to [DAY] [TIME]"),
        ("move today 8:00 to 9:00 10:00", "expected: move DAY (TIME | all day) [TEXT] to [DAY] [TIME]"),
        (f"move {DAY} 9:00 to 9:00", "there is no such event then"),
        (f"move {DAY} all day to 9:00", "expected a day alone for an event of all day"),
        (f"add {DAY} 2026-05-31 all day x", "expected LAST to be on or after DAY"),
        (f"add {DAY} 8:00 every day until 2026-05-31 x", "expected the day after until to be no earlier than DAY"),
        (f"add {DAY} all day fair", "that event is in the calendar already"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, line: str, error: str) -> None:
    path = write_events(tmp_path, "DTSTART;VALUE=DATE:20260601|DTEND;VALUE=DATE:20260602|SUMMARY:fair")
    before = path.read_bytes()
    assert talk(tmp_path, line) == [f"error: {error}"]
    assert path.read_bytes() == before


def test_a_text_as_long_as_the_file_is_shortened_to_a_line(tmp_path: Path) -> None:
    write_events(tmp_path, "DTSTART:20260601T080000|SUMMARY:" + "x" * 100_000)
    assert talk(tmp_path, f"list {DAY}") == ["8:00 " + "x" * 1000, "ok"]
