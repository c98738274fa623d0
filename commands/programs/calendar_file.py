"""The file behind imapx-calendar. A file that can't be read whole is never written over."""

import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta

from icalendar import Calendar

from commands.programs import calendar_changes, calendar_events
from commands.programs.calendar_events import Occurrence, Repetition, TooManyError, to_local
from commands.programs.locked_file import change_file, read_file
from commands.programs.refused import RefusedError

# Bytes: some 1,300 events, which are read in well under a second.
FILE_LENGTH = 256 * 1024

UNREADABLE = "the calendar file can't be read; it is left as it is"


def list_occurrences(path: str, start: datetime, end: datetime, most: int) -> list[Occurrence]:
    """What overlaps that time, by start. Raises RefusedError, also for more than `most`."""
    calendar = _read(path)
    try:
        return _expand(calendar, start, end, most)
    except TooManyError:
        raise RefusedError(f"more than {most} events: ask for less time") from None


def find_events(path: str, text: str, now: datetime, most: int) -> list[Occurrence]:
    """Events that hold `text`, each as the first one after `now`. Raises RefusedError, also for more than `most`."""
    calendar = _read(path)
    try:
        return calendar_events.find(calendar, text, now, most)
    except TooManyError:
        raise RefusedError(f"more than {most} events hold that text: give more of it") from None
    except (ValueError, KeyError) as error:
        raise RefusedError(UNREADABLE) from error


def add_event(path: str, start: date, end: date | None, text: str, repetition: Repetition | None = None) -> None:
    """As calendar_events.new_event. Raises RefusedError, also if the very same event is there already."""

    def edit(calendar: Calendar) -> None:
        new = (to_local(start), to_local(end or start), text)
        if any((other.start, other.end, other.text) == new for other in _starting(calendar, start)):
            raise RefusedError("that event is in the calendar already")
        event = calendar_events.new_event(start, end, text, repetition)
        calendar.add_component(event)

    _change(path, edit)


def remove_occurrence(path: str, start: date, text: str | None, *, series: bool = False) -> None:
    """Take out what starts then (and reads like that), or all the series that it is of. See `_only`."""

    def edit(calendar: Calendar) -> None:
        occurrence = _only(calendar, start, text)
        if series:
            calendar_changes.remove_series(calendar, occurrence.uid)
        else:
            calendar_changes.remove(calendar, occurrence)

    _change(path, edit)


def move_occurrence(path: str, start: date, text: str | None, day: date | None, minute: int | None) -> None:
    """Put what starts then (and reads like that) on another day, to another minute of the day, or both. See `_only`."""

    def edit(calendar: Calendar) -> None:
        occurrence = _only(calendar, start, text)
        if occurrence.all_day:
            if day is None or minute is not None:
                raise RefusedError("expected a day alone for an event of all day")
            calendar_changes.move(calendar, occurrence, day)
            return
        before = occurrence.start
        time = before.time() if minute is None else (datetime.min + timedelta(minutes=minute)).time()
        calendar_changes.move(calendar, occurrence, datetime.combine(day or before.date(), time))

    _change(path, edit)


def _only(calendar: Calendar, start: date, text: str | None) -> Occurrence:
    """What starts then: a date for an event of all day. Raises RefusedError if that is nothing, or several events."""
    found = [other for other in _starting(calendar, start) if text is None or other.text.casefold() == text.casefold()]
    if not found:
        raise RefusedError("there is no such event then")
    if len({other.text for other in found}) > 1:
        raise RefusedError(f"{len(found)} events start then, give the text too")
    return found[0]


def _starting(calendar: Calendar, start: date) -> list[Occurrence]:
    moment = to_local(start)
    occurrences = _expand(calendar, moment, moment + timedelta(minutes=1))
    all_day = not isinstance(start, datetime)
    return [other for other in occurrences if other.all_day == all_day and (all_day or other.start >= moment)]


def _expand(calendar: Calendar, start: datetime, end: datetime, most: int = sys.maxsize) -> list[Occurrence]:
    try:
        return calendar_events.expand(calendar, start, end, most)
    except (ValueError, KeyError) as error:
        raise RefusedError(UNREADABLE) from error


def _read(path: str) -> Calendar:
    try:
        return _parse(read_file(path))
    except OSError as error:
        raise RefusedError(f"{UNREADABLE} ({error.strerror})") from error


def _parse(data: bytes | None) -> Calendar:
    if data is None:
        return calendar_events.new_calendar()
    try:
        calendar = Calendar.from_ical(data.decode())  # given bytes, the library would replace what is no UTF-8
    except ValueError as error:
        raise RefusedError(UNREADABLE) from error
    if not isinstance(calendar, Calendar):
        raise RefusedError(UNREADABLE)
    return calendar


def _change(path: str, edit: Callable[[Calendar], None]) -> None:
    def edit_bytes(data: bytes | None) -> bytes:
        calendar = _parse(data)
        if any(component.errors for component in calendar.walk()):
            raise RefusedError(UNREADABLE)  # to write it would lose what the library has skipped
        edit(calendar)
        changed: bytes = calendar.to_ical()
        if len(changed) > max(FILE_LENGTH, len(data or b"")):
            raise RefusedError("the calendar is full")
        return changed

    try:
        change_file(path, edit_bytes)
    except OSError as error:
        raise RefusedError(f"the calendar file can't be changed ({error.strerror})") from error
