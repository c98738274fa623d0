"""The file behind imapx-calendar. A file that can't be read whole is never written over."""

from collections.abc import Callable
from datetime import datetime, timedelta

from icalendar import Calendar

from commands.programs import calendar_events
from commands.programs.calendar_events import Occurrence
from commands.programs.locked_file import change_file, read_file
from commands.programs.refused import RefusedError

# Bytes: some 1,300 events, which are read in well under a second.
FILE_LENGTH = 256 * 1024

UNREADABLE = "the calendar file can't be read; it is left as it is"


def list_occurrences(path: str, start: datetime, end: datetime) -> list[Occurrence]:
    """What overlaps that time, by start. Raises RefusedError."""
    try:
        data = read_file(path)
    except OSError as error:
        raise RefusedError(f"{UNREADABLE} ({error.strerror})") from error
    return _expand(_parse(data), start, end)


def add_event(path: str, start: datetime, end: datetime | None, text: str) -> None:
    """Raises RefusedError, also if the very same event is there already."""

    def edit(calendar: Calendar) -> None:
        new = (start, end or start, text)
        if any((other.start, other.end, other.text) == new for other in _starting(calendar, start)):
            raise RefusedError("that event is in the calendar already")
        calendar.add_component(calendar_events.new_event(start, end, text))

    _change(path, edit)


def remove_occurrence(path: str, start: datetime, text: str | None) -> None:
    """Take out what starts then (and reads like that). Raises RefusedError if that is nothing, or several."""

    def edit(calendar: Calendar) -> None:
        found = [
            other for other in _starting(calendar, start) if text is None or other.text.casefold() == text.casefold()
        ]
        if not found:
            raise RefusedError("there is no such event then")
        if len({other.text for other in found}) > 1:
            raise RefusedError(f"{len(found)} events start then, give the text too")
        calendar_events.remove(calendar, found[0])

    _change(path, edit)


def _starting(calendar: Calendar, start: datetime) -> list[Occurrence]:
    occurrences = _expand(calendar, start, start + timedelta(minutes=1))
    return [occurrence for occurrence in occurrences if occurrence.start >= start and not occurrence.all_day]


def _expand(calendar: Calendar, start: datetime, end: datetime) -> list[Occurrence]:
    try:
        return calendar_events.expand(calendar, start, end)
    except (ValueError, KeyError) as error:
        raise RefusedError(UNREADABLE) from error


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
