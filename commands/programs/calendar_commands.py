"""What imapx-calendar's commands do: words of a line in, lines of the answer out."""

import re
from datetime import date, datetime, time, timedelta

from commands.programs.calendar_events import Occurrence
from commands.programs.calendar_file import add_event, list_occurrences, remove_occurrence
from commands.programs.refused import RefusedError

LIST, ADD, REMOVE = "list schedule DAY [FROM TO]", "add DAY TIME [END] TEXT", "remove DAY TIME [TEXT]"
HELP = (
    f"{LIST} - what is on that day, or between two times of it",
    f"{ADD} - put an event into the calendar",
    f"{REMOVE} - take an event out, on that day alone if it recurs",
    "help - this",
    "quit - end",
    "DAY is today, tomorrow, the name of a weekday (the next one, today included) or YYYY-MM-DD",
    "TIME, FROM, END and TO are like 8:00 or 17:30",
)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DATE = re.compile(r"(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}")
TIME = re.compile(r"([0-9]+):([0-9]+)")
DAY_MINUTES = 24 * 60


def answer(path: str, words: list[str]) -> list[str]:
    """The lines that answer one command on the calendar file `path`. Raises RefusedError."""
    command = words[0].lower() if words else ""
    match [command, *words[1:]]:
        case ["list", subject, day, *times] if subject.lower() == "schedule" and len(times) in (0, 2):
            return list_schedule(path, parse_day(day), *times)
        case ["add", day, start, end, _, *_] if TIME.fullmatch(end):
            add(path, parse_day(day), start, end, words[4:])
        case ["add", day, start, text, *_] if not TIME.fullmatch(text):
            add(path, parse_day(day), start, None, words[3:])
        case ["remove", day, start, *text]:
            remove_occurrence(path, at(parse_day(day), parse_time(start)), " ".join(text) or None)
        case ["help"]:
            return list(HELP)
        case _:
            usage = {"list": LIST, "add": ADD, "remove": REMOVE}
            raise RefusedError(f"expected: {usage.get(command, 'list, add, remove, help or quit')}")
    return []


def list_schedule(path: str, day: date, start: str = "0:00", end: str = "24:00") -> list[str]:
    start_minute, end_minute = parse_time(start), parse_time(end, DAY_MINUTES)
    if end_minute <= start_minute:
        raise RefusedError("expected TO to be later than FROM")
    occurrences = list_occurrences(path, at(day, start_minute), at(day, end_minute))
    return [show(occurrence, day) for occurrence in occurrences]


def add(path: str, day: date, start: str, end: str | None, text: list[str]) -> None:
    start_minute = parse_time(start)
    if end is None:
        add_event(path, at(day, start_minute), None, " ".join(text))
        return
    end_minute = parse_time(end, DAY_MINUTES)
    if end_minute <= start_minute:
        raise RefusedError("expected END to be later than TIME")
    add_event(path, at(day, start_minute), at(day, end_minute), " ".join(text))


def parse_day(word: str) -> date:
    today = date.today()
    word = word.lower()
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    if word in WEEKDAYS:
        return today + timedelta(days=(WEEKDAYS.index(word) - today.weekday()) % 7)
    try:
        if DATE.fullmatch(word):
            return date.fromisoformat(word)
    except ValueError:
        pass
    raise RefusedError("expected a day: today, tomorrow, the name of a weekday or YYYY-MM-DD")


def parse_time(word: str, latest: int = DAY_MINUTES - 1) -> int:
    """Minutes since midnight; 24:00, where it is allowed, is the end of the day."""
    found = TIME.fullmatch(word)
    if found and len(found[1]) <= 2 and len(found[2]) == 2 and int(found[2]) < 60:
        minute = int(found[1]) * 60 + int(found[2])
        if minute <= latest:
            return minute
    raise RefusedError("expected a time like 8:00 or 17:30")


def at(day: date, minute: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minute)


def show(occurrence: Occurrence, day: date) -> str:
    """As on that day: an event that goes on from the day before starts at 0:00."""
    if occurrence.all_day:
        return f"all day {occurrence.text}"
    midnight, end_of_day = at(day, 0), at(day, DAY_MINUTES)
    start, end = max(occurrence.start, midnight), min(occurrence.end, end_of_day)
    until = ""
    if end > start:
        until = "-24:00" if end == end_of_day else f"-{end.hour}:{end.minute:02}"
    return f"{start.hour}:{start.minute:02}{until} {occurrence.text}"
