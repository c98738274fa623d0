"""A time as people write it on a command line."""

from argparse import ArgumentTypeError
from datetime import datetime

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime, parse_time


def moment(text: str) -> datetime:
    """Read a date, a time of today, or both, in the site's zone where it names none. Raises ArgumentTypeError."""
    try:
        at, day, clock = parse_datetime(text), parse_date(text), parse_time(text)
    except ValueError:  # 2026-13-01
        at = day = clock = None
    if at is None and day is not None:
        at = datetime(day.year, day.month, day.day)
    if at is None and clock is not None:
        at = datetime.combine(timezone.localdate(), clock)
    if at is None:
        raise ArgumentTypeError(f"{text!r} is no time: 2026-12-24T18:00, 2026-12-24 or 18:00 is expected")
    return at if timezone.is_aware(at) else timezone.make_aware(at)
