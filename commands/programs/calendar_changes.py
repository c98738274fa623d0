"""Changing one occurrence of an event in an iCalendar object (RFC 5545), or the whole event. No files here."""

import copy
from collections.abc import Iterator
from datetime import UTC, date, datetime

from icalendar import Calendar, Component

from commands.programs.calendar_events import Occurrence, recurrence_id


def remove_series(calendar: Calendar, uid: str) -> None:
    for event in list(_events(calendar, uid)):
        calendar.subcomponents.remove(event)


def remove(calendar: Calendar, occurrence: Occurrence) -> None:
    """Take out this one; of a recurring event the others stay."""
    for event in list(_events(calendar, occurrence.uid)):
        if "RECURRENCE-ID" not in event and _recurs(event):
            event.add("EXDATE", occurrence.recurrence_id)
        elif "RECURRENCE-ID" not in event or recurrence_id(event) == occurrence.recurrence_id:
            calendar.subcomponents.remove(event)


def move(calendar: Calendar, occurrence: Occurrence, start: date) -> None:
    """Have this one start at `start`, in local time, for as long as before; of a recurring event the others stay."""
    event = _own_event(calendar, occurrence)
    before: date = event["DTSTART"].dt  # type: ignore[union-attr, assignment]
    after = _as(before, start)
    if "DTEND" in event:
        length = event.pop("DTEND").dt - before
        event.add("DTEND", after + length)
    del event["DTSTART"]
    event.add("DTSTART", after)
    event.pop("DTSTAMP", None)
    event.add("DTSTAMP", datetime.now(UTC))


def _own_event(calendar: Calendar, occurrence: Occurrence) -> Component:
    """The component of this occurrence alone. One is made, with the series' times, if it has none yet."""
    events = list(_events(calendar, occurrence.uid))
    for event in events:
        if "RECURRENCE-ID" in event and recurrence_id(event) == occurrence.recurrence_id:
            return event
    whole = next(event for event in events if "RECURRENCE-ID" not in event)
    if not _recurs(whole):
        return whole
    own = copy.deepcopy(whole)
    for name in ("RRULE", "RDATE", "EXDATE", "EXRULE"):
        own.pop(name, None)
    own.add("RECURRENCE-ID", occurrence.recurrence_id)
    calendar.add_component(own)
    return own


def _as(before: date, start: date) -> date:
    """`start` as the file tells time: in the event's own zone if it has one."""
    if isinstance(before, datetime) and before.tzinfo and isinstance(start, datetime):
        return start.astimezone().astimezone(before.tzinfo)
    return start


def _events(calendar: Calendar, uid: str) -> Iterator[Component]:
    return (event for event in calendar.walk("VEVENT") if str(event.get("UID")) == uid)


def _recurs(event: Component) -> bool:
    return "RRULE" in event or "RDATE" in event
