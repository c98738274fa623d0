"""What imapx-calendar's commands do: words of a line in, lines of the answer out."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from commands.programs import calendar_file
from commands.programs.calendar_events import Occurrence
from commands.programs.calendar_words import DAY_MINUTES, Words, WordsError, at
from commands.programs.refused import RefusedError

USAGE = {
    "list": "list [schedule] [DAY [LAST]] [FROM TO]",
    "find": "find TEXT",
    "add": "add DAY (TIME [END] | [LAST] all day) [every [N] UNIT [until DAY | N times]] TEXT",
    "move": "move DAY (TIME | all day) [TEXT] to [DAY] [TIME]",
    "remove": "remove [series] DAY (TIME | all day) [TEXT]",
}
HELP = (
    f"{USAGE['list']} - what is on that day, today if none is given, or on all days up to LAST",
    f"{USAGE['find']} - events that hold this text, each on the next day on which it is",
    f"{USAGE['add']} - put an event into the calendar",
    f"{USAGE['move']} - have it on another day or at another time, on that day alone if it recurs",
    f"{USAGE['remove']} - take an event out: on that day alone if it recurs, or the whole series",
    "help - this",
    "quit - end",
    "DAY and LAST are today, tomorrow, the name of a weekday (the next one, today included) or YYYY-MM-DD",
    "TIME, END, FROM and TO are like 8:00 or 17:30",
    "UNIT is day, week, month or year, as in: every 2 weeks",
)

DAYS = 366  # of one list
LINES = 2000  # of one answer: as many as a client can be expected to want, and below a verb's output limit
FOUND = 100  # events: each takes some milliseconds


def answer(path: str, words: list[str]) -> list[str]:
    """The lines that answer one command on the calendar file `path`. Raises RefusedError."""
    if [word.lower() for word in words] == ["help"]:
        return list(HELP)
    name = words[0].lower() if words else ""
    command = COMMANDS.get(name)
    if command is None:
        raise RefusedError("expected: list, find, add, move, remove, help or quit")
    try:
        return command(path, Words(words[1:]))
    except WordsError:
        raise RefusedError(f"expected: {USAGE[name]}") from None


def list_schedule(path: str, words: Words) -> list[str]:
    words.take("schedule")
    first = words.day() if words and not words.at_time() else date.today()
    several = bool(words) and not words.at_time()
    last = words.day() if several else first
    start, end = (words.minute(), words.minute(DAY_MINUTES)) if words else (0, DAY_MINUTES)
    words.end()
    if end <= start:
        raise RefusedError("expected TO to be later than FROM")
    if not 0 <= (last - first).days < DAYS:
        raise RefusedError(f"expected LAST to be on or after DAY, and at most {DAYS} days in all")
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    occurrences = calendar_file.list_occurrences(path, at(first, start), at(last, end), LINES)
    lines = [
        f"{day} {show(occurrence, day)}" if several else show(occurrence, day)
        for day in days
        for occurrence in occurrences
        if occurrence.overlaps(at(day, start), at(day, end))
    ]
    if len(lines) > LINES:
        raise RefusedError(f"more than {LINES} lines: ask for fewer days")
    return lines


def find(path: str, words: Words) -> list[str]:
    found = calendar_file.find_events(path, words.text(), at(date.today()), FOUND)
    return [f"{occurrence.start.date()} {show(occurrence, occurrence.start.date())}" for occurrence in found]


def add(path: str, words: Words) -> list[str]:
    day = words.day()
    start, end = _days(day, words) or _times(day, words)
    repetition = words.repetition()
    if repetition and repetition.until and repetition.until < day:
        raise RefusedError("expected the day after until to be no earlier than DAY")
    calendar_file.add_event(path, start, end, words.text(), repetition)
    return []


def _days(day: date, words: Words) -> tuple[date, date] | None:
    last = day
    if not words.take("all", "day"):
        if words.at_time() or not words.goes_on("all", "day", after=1):
            return None
        last = words.day()
        words.take("all", "day")
    if last < day:
        raise RefusedError("expected LAST to be on or after DAY")
    return day, last + timedelta(days=1)  # RFC 5545 section 3.6.1: DTEND is the day after the last


def _times(day: date, words: Words) -> tuple[datetime, datetime | None]:
    start = words.minute()
    if not words.at_time():
        return at(day, start), None
    end = words.minute(DAY_MINUTES)
    if end <= start:
        raise RefusedError("expected END to be later than TIME")
    return at(day, start), at(day, end)


def remove(path: str, words: Words) -> list[str]:
    series = words.take("series")
    calendar_file.remove_occurrence(path, *_which(words), series=series)
    return []


def move(path: str, words: Words) -> list[str]:
    which, to = words.split_at_last("to")
    start, text = _which(which)
    if not to:
        raise WordsError
    day = to.day() if not to.at_time() else None
    minute = to.minute() if to else None
    to.end()
    calendar_file.move_occurrence(path, start, text, day, minute)
    return []


def _which(words: Words) -> tuple[date, str | None]:
    """Of which event the line is: its start, a date for one of all day, and its text if that is given."""
    day = words.day()
    start = day if words.take("all", "day") else at(day, words.minute())
    return start, words.text() if words else None


def show(occurrence: Occurrence, day: date) -> str:
    """As on that day: an event that goes on from the day before starts at 0:00."""
    if occurrence.all_day:
        return f"all day {occurrence.text}"
    midnight, end_of_day = at(day), at(day, DAY_MINUTES)
    start, end = max(occurrence.start, midnight), min(occurrence.end, end_of_day)
    until = ""
    if end > start:
        until = "-24:00" if end == end_of_day else f"-{end.hour}:{end.minute:02}"
    return f"{start.hour}:{start.minute:02}{until} {occurrence.text}"


COMMANDS: dict[str, Callable[[str, Words], list[str]]] = {
    "list": list_schedule,
    "find": find,
    "add": add,
    "move": move,
    "remove": remove,
}
