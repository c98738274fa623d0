"""When a rule holds, in a few words: what follows it in brackets, in lists and in the record."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.utils import timezone

from commands.conditions import moment_in_words
from commands.rulebook import canonical

if TYPE_CHECKING:
    from commands.models import Rule

COUNTED = {"user": "of each user", "user-verb": "of each user and verb", "verb": "of each verb"}


def details(rule: "Rule") -> Iterator[str]:
    """`from 10.0.0.0/8`, `mon-fri 08:00-18:00`, `3 a minute of each user`. Any row may be given, also a faulty one."""
    yield from _limits(rule)
    if isinstance(rule.arguments, dict):
        yield from (f"{name} like {expression}" for name, expression in sorted(rule.arguments.items()))
    if rule.networks:
        yield f"from {rule.networks}"
    if rule.tls:
        yield "by TLS alone" if rule.tls == "yes" else "without TLS alone"
    if rule.mailbox:
        yield f"mailbox like {rule.mailbox}"
    hours = "" if rule.hours_from is None else f"{str(rule.hours_from)[:5]}-{str(rule.hours_until)[:5]}"
    if times := f"{canonical.weekdays_in_short(rule.weekdays)} {hours}".strip():
        yield times
    if rule.valid_from is not None:
        yield f"from {moment_in_words(rule.valid_from, timezone.get_current_timezone())}"
    if rule.valid_until is not None:
        yield f"until {moment_in_words(rule.valid_until, timezone.get_current_timezone())}"


def _limits(rule: "Rule") -> Iterator[str]:
    numbers = ((rule.at_once, "at once"), (rule.per_minute, "a minute"), (rule.per_day, "in 24 hours"))
    given = [f"{number} {words}" for number, words in numbers if number is not None]
    if given:
        yield f"{', '.join(given)} {COUNTED.get(rule.counted, rule.counted)}"
