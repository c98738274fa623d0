"""Events of an iCalendar object (RFC 5545): making, listing and removing them. No files here.

New events are in floating time (section 3.3.5, form 1): eight o'clock is eight o'clock wherever the server thinks
it is. Events with a time zone, from other software, are taken in the server's local time.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import recurring_ical_events
from icalendar import Calendar, Component, Event


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event on one day, in local time. `end` is `start` if the event has none."""

    start: datetime
    end: datetime
    all_day: bool
    text: str
    uid: str
    recurrence_id: date  # section 3.8.4.4: which one of a recurring event's, as the file tells time

    def overlaps(self, start: datetime, end: datetime) -> bool:
        return start <= self.start < end or self.start < start < self.end


def new_calendar() -> Calendar:
    calendar = Calendar()
    calendar.add("PRODID", "-//IMAPX//imapx-calendar//EN")
    calendar.add("VERSION", "2.0")
    return calendar


def new_event(start: datetime, end: datetime | None, text: str) -> Event:
    event = Event()
    event.add("UID", str(uuid.uuid4()))
    event.add("DTSTAMP", datetime.now(UTC))
    event.add("DTSTART", start)
    if end is not None:
        event.add("DTEND", end)
    event.add("SUMMARY", text)
    return event


def expand(calendar: Calendar, start: datetime, end: datetime) -> list[Occurrence]:
    """What overlaps that time, recurring events too, by start. Raises ValueError or KeyError for a broken event."""
    day = timedelta(days=1)  # more than any two time zones are apart
    events = recurring_ical_events.of(calendar).between(start - day, end + day)
    occurrences = [occurrence for occurrence in map(_occurrence, events) if occurrence.overlaps(start, end)]
    return sorted(occurrences, key=lambda occurrence: (occurrence.start, occurrence.text))


def remove(calendar: Calendar, occurrence: Occurrence) -> None:
    """Take out this one; of a recurring event the others stay."""
    for event in calendar.walk("VEVENT"):
        if str(event.get("UID")) != occurrence.uid:
            continue
        if "RECURRENCE-ID" not in event and ("RRULE" in event or "RDATE" in event):
            event.add("EXDATE", occurrence.recurrence_id)
        elif "RECURRENCE-ID" not in event or _recurrence_id(event) == occurrence.recurrence_id:
            calendar.subcomponents.remove(event)


def _occurrence(event: Event) -> Occurrence:
    return Occurrence(
        start=_local(event.start),
        end=_local(event.end),
        all_day=not isinstance(event.start, datetime),
        text=_one_line(str(event.get("SUMMARY", ""))),
        uid=str(event["UID"]),
        recurrence_id=_recurrence_id(event),
    )


def _recurrence_id(event: Component) -> date:
    moment: date = event["RECURRENCE-ID"].dt  # type: ignore[union-attr, assignment]
    return moment


def _local(moment: date) -> datetime:
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time())
    return moment.astimezone().replace(tzinfo=None) if moment.tzinfo else moment


def _one_line(text: str) -> str:
    """A summary may hold line breaks (section 3.3.11); a line of the dialogue may not, nor a terminal's controls."""
    line = " ".join(text.split())
    return "".join("\N{REPLACEMENT CHARACTER}" if c < " " or "\x7f" <= c <= "\x9f" else c for c in line)
