"""Events of an iCalendar object (RFC 5545): making, listing and finding them. No files here.

New events are in floating time (section 3.3.5, form 1): eight o'clock is eight o'clock wherever the server thinks
it is. Events with a time zone, from other software, are taken in the server's local time.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import recurring_ical_events
from icalendar import Calendar, Component, Event

DAY = timedelta(days=1)  # more than any two time zones are apart
STEP = timedelta(days=31)  # of expanding: an event of every minute is noticed before it has taken a year's time

TEXT_LENGTH = 1000  # characters: a line of the dialogue has a limit too


@dataclass(frozen=True, slots=True)
class Repetition:
    """Section 3.3.10: `frequency` is FREQ. `until`, the last day, and `count` exclude each other."""

    frequency: str
    interval: int = 1
    until: date | None = None
    count: int | None = None

    def rule(self, start: date) -> dict[str, object]:
        """RRULE's value for an event that starts so: UNTIL has to be of the same type as DTSTART."""
        rule: dict[str, object] = {"FREQ": self.frequency}
        if self.interval > 1:
            rule["INTERVAL"] = self.interval
        if self.count:
            rule["COUNT"] = self.count
        if self.until:
            rule["UNTIL"] = datetime.combine(self.until, time(23, 59, 59)) if _is_timed(start) else self.until
        return rule


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


class TooManyError(Exception):
    """More than were asked for at most."""


def new_calendar() -> Calendar:
    calendar = Calendar()
    calendar.add("PRODID", "-//IMAPX//imapx-calendar//EN")
    calendar.add("VERSION", "2.0")
    return calendar


def new_event(start: date, end: date | None, text: str, repetition: Repetition | None = None) -> Event:
    """`start` and `end` are datetimes, or dates for one of all day: `end` is the day after its last then."""
    event = Event()
    event.add("UID", str(uuid.uuid4()))
    event.add("DTSTAMP", datetime.now(UTC))
    event.add("DTSTART", start)
    if end is not None:
        event.add("DTEND", end)
    if repetition is not None:
        event.add("RRULE", repetition.rule(start))
    event.add("SUMMARY", text)
    return event


def expand(calendar: Calendar, start: datetime, end: datetime, most: int) -> list[Occurrence]:
    """What overlaps that time, recurring events too, by start.

    Raises TooManyError for more than `most`, ValueError or KeyError for a broken event.
    """
    query = recurring_ical_events.of(calendar)
    occurrences: list[Occurrence] = []
    reached = start
    while reached < end:
        until = min(reached + STEP, end)
        for occurrence in map(_occurrence, query.between(reached - DAY, until + DAY)):
            # What goes on from one step into the next was there already.
            if occurrence.overlaps(reached, until) and (reached == start or occurrence.start >= reached):
                occurrences.append(occurrence)
        if len(occurrences) > most:
            raise TooManyError
        reached = until
    return sorted(occurrences, key=lambda occurrence: (occurrence.start, occurrence.text))


def find(calendar: Calendar, text: str, now: datetime, most: int) -> list[Occurrence]:
    """Events that hold `text`, by start: of each the first one that ends after `now`, or else its very first.

    Raises as `expand` does.
    """
    text = text.casefold()
    found = {str(event["UID"]) for event in calendar.walk("VEVENT") if text in _searched(event)}
    if len(found) > most:
        raise TooManyError
    occurrences = [occurrence for uid in found for occurrence in _next(calendar, uid, now)]
    return sorted(occurrences, key=lambda occurrence: (occurrence.start, occurrence.text))


def _searched(event: Component) -> str:
    texts = [str(event.get(name, "")) for name in ("SUMMARY", "LOCATION", "DESCRIPTION")]
    return _one_line("\n".join(texts)).casefold()


def _next(calendar: Calendar, uid: str, now: datetime) -> Iterator[Occurrence]:
    alone = Calendar()
    alone.subcomponents = [
        component
        for component in calendar.subcomponents
        if component.name == "VTIMEZONE" or (component.name == "VEVENT" and str(component["UID"]) == uid)
    ]
    query = recurring_ical_events.of(alone)
    later = (other for other in map(_occurrence, query.after(now - DAY)) if other.end > now or other.start >= now)
    occurrence = next(later, None) or next(map(_occurrence, query.all()), None)
    if occurrence is not None:  # there is none if each day of it was removed
        yield occurrence


def _occurrence(event: Event) -> Occurrence:
    return Occurrence(
        start=to_local(event.start),
        end=to_local(event.end),
        all_day=not _is_timed(event.start),
        text=_one_line(str(event.get("SUMMARY", "")))[:TEXT_LENGTH],
        uid=str(event["UID"]),
        recurrence_id=recurrence_id(event),
    )


def recurrence_id(event: Component) -> date:
    moment: date = event["RECURRENCE-ID"].dt  # type: ignore[union-attr, assignment]
    return moment


def to_local(moment: date) -> datetime:
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time())
    return moment.astimezone().replace(tzinfo=None) if moment.tzinfo else moment


def _is_timed(moment: date) -> bool:
    return isinstance(moment, datetime)


def _one_line(text: str) -> str:
    """A summary may hold line breaks (section 3.3.11); a line of the dialogue may not, nor a terminal's controls."""
    line = " ".join(text.split())
    return "".join("\N{REPLACEMENT CHARACTER}" if c < " " or "\x7f" <= c <= "\x9f" else c for c in line)
