"""The words of a line, taken one after the other: days, times, repetitions, text."""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from commands.programs.calendar_events import Repetition
from commands.programs.refused import RefusedError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DATE = re.compile(r"(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}")
TIME = re.compile(r"([0-9]+):([0-9]+)")
NUMBER = re.compile(r"[1-9][0-9]{0,2}")
DAY_MINUTES = 24 * 60

FREQUENCIES = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}


class WordsError(Exception):
    """Words are missing, or there are too many."""


class Words:
    """What is left of a line.

    Methods named after a thing take it; they raise WordsError at the end, RefusedError if something else stands there.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = list(words)

    def __bool__(self) -> bool:
        return bool(self._words)

    def goes_on(self, *expected: str, after: int = 0) -> bool:
        """Whether these words stand `after` words from here, in any case."""
        return [word.lower() for word in self._words[after : after + len(expected)]] == list(expected)

    def take(self, *expected: str) -> bool:
        """Take these words, in any case, if the line goes on with them."""
        found = self.goes_on(*expected)
        if found:
            del self._words[: len(expected)]
        return found

    def at_time(self) -> bool:
        return bool(self._words and TIME.fullmatch(self._words[0]))

    def day(self) -> date:
        return parse_day(self._next())

    def minute(self, latest: int = DAY_MINUTES - 1) -> int:
        """Minutes since midnight; 24:00, where it is allowed, is the end of the day."""
        return parse_time(self._next(), latest)

    def repetition(self) -> Repetition | None:
        """`every [N] UNIT [until DAY | N times]`; None, and nothing taken, if the line goes on with something else."""
        match [word.lower() for word in self._words[:3]]:
            case ["every", unit, *_] if unit in FREQUENCIES:
                interval, taken = 1, 2
            case ["every", number, units] if NUMBER.fullmatch(number) and units.removesuffix("s") in FREQUENCIES:
                unit, interval, taken = units.removesuffix("s"), int(number), 3
            case _:
                return None
        del self._words[:taken]
        if self.take("until"):
            return Repetition(FREQUENCIES[unit], interval, until=self.day())
        match self._words[:2]:
            case [count, times] if NUMBER.fullmatch(count) and times.lower() == "times":
                del self._words[:2]
                return Repetition(FREQUENCIES[unit], interval, count=int(count))
        return Repetition(FREQUENCIES[unit], interval)

    def text(self) -> str:
        """All that is left; there must be something."""
        if not self._words:
            raise WordsError
        return " ".join(self._words)

    def split_at_last(self, word: str) -> tuple["Words", "Words"]:
        """What stands before and after this word, where it comes last."""
        for place in reversed(range(len(self._words))):
            if self._words[place].lower() == word:
                return Words(self._words[:place]), Words(self._words[place + 1 :])
        raise WordsError

    def end(self) -> None:
        if self._words:
            raise WordsError

    def _next(self) -> str:
        if not self._words:
            raise WordsError
        return self._words.pop(0)


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


def parse_time(word: str, latest: int) -> int:
    found = TIME.fullmatch(word)
    if found and len(found[1]) <= 2 and len(found[2]) == 2 and int(found[2]) < 60:
        minute = int(found[1]) * 60 + int(found[2])
        if minute <= latest:
            return minute
    raise RefusedError("expected a time like 8:00 or 17:30")


def at(day: date, minute: int = 0) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minute)
