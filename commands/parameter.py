"""One place for an argument: its type, and whether given bytes are of it. Pure."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from commands.mailbox_name import is_mailbox_name
from commands.uid_set import uid_set

MAX_ARGUMENT_LENGTH = 1024  # bytes, as Pigeonhole's extprograms allow; Linux would take 131,071

# C0 but for the tab, DEL, C1, and the two separators that Unicode counts as line ends.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

# RFC 5322 dot-atom without "*" and "?": spam filters read these two as wildcards. RFC 1123 host name.
_ATOM = r"[A-Za-z0-9!#$%&'+/=^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = re.compile(rf"(?=.{{1,64}}@)(?=.{{1,254}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")

INTEGER = re.compile(r"-?[0-9]{1,18}")  # what every program's 64-bit integer holds

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DAYS = ("today", "tomorrow")


class ParameterType(StrEnum):
    WORD = "word"
    CHOICE = "choice"
    EMAIL = "email"
    INTEGER = "integer"
    PATTERN = "pattern"
    TEXT = "text"
    SECRET = "secret"  # noqa: S105
    UIDS = "uids"
    DATE = "date"
    MAILBOX = "mailbox"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One place for an argument.

    `detail` is, by type, the word, the words with a space between, "min max", or the regular expression.
    `optional`: it may be left out, with all that follow it. `repeat`: the last one of a signature, given any number of
    times, at least once unless it is optional. `max_length` is in bytes.
    """

    name: str
    type: ParameterType
    detail: str = ""
    optional: bool = False
    max_length: int = MAX_ARGUMENT_LENGTH
    allow_leading_dash: bool = False
    repeat: bool = False

    @property
    def label(self) -> str:
        """Usage without the brackets of an optional one: `add`, `(on|off)`, `ADDRESS`, `RECIPIENT...`."""
        return self._single_label + ("..." if self.repeat else "")

    @property
    def _single_label(self) -> str:
        match self.type:
            case ParameterType.WORD:
                return self.detail
            case ParameterType.CHOICE:
                return f"({'|'.join(self.detail.split())})"
            case _:
                return self.name.upper()

    @property
    def usage(self) -> str:
        return f"[{self.label}]" if self.optional else self.label

    @property
    def fault(self) -> str:
        """Why `detail` makes no sense, for its author; empty if it does. Where it makes none, nothing matches."""
        match self.type:
            case ParameterType.WORD if not self._can_match([self.detail] if self.detail else []):
                return "Give the word; it must keep to the length, and to the rule for a leading '-'."
            case ParameterType.CHOICE if not self._can_match(self.detail.split()):
                return "Give the words; each must keep to the length, and to the rule for a leading '-'."
            case ParameterType.INTEGER if bounds(self.detail) is None:
                return "Give the least and the greatest number, a space between them, or nothing."
            case ParameterType.PATTERN if _compile(self.detail) is None:
                return "This is no regular expression."
            case ParameterType.SECRET | ParameterType.UIDS if self.repeat:
                return "A secret and a set of messages can't be repeated."
            case _:
                return ""

    def _can_match(self, words: Sequence[str]) -> bool:
        return bool(words) and all(self.match(word.encode(errors="surrogatepass")) for word in words)

    def match(self, argument: bytes) -> bool:
        """Whether the whole argument is of this type. Any bytes may be given; text is one line of UTF-8."""
        # First of all, so that an expression never runs on more than the map allows.
        if len(argument) > self.max_length:
            return False
        # A secret is never in argv, so no program takes it for an option; and passwords do begin with a dash.
        if argument.startswith(b"-") and not self.allow_leading_dash and self.type is not ParameterType.SECRET:
            return False
        try:
            text = argument.decode()
        except UnicodeDecodeError:
            return False
        return not CONTROL.search(text) and self._match_text(text)

    def _match_text(self, text: str) -> bool:
        match self.type:
            case ParameterType.WORD:
                return text == self.detail
            case ParameterType.CHOICE:
                return text in self.detail.split()
            case ParameterType.EMAIL:
                return EMAIL.fullmatch(text) is not None
            case ParameterType.INTEGER:
                allowed = bounds(self.detail)
                return allowed is not None and INTEGER.fullmatch(text) is not None and int(text) in allowed
            case ParameterType.PATTERN:
                expression = _compile(self.detail)
                return expression is not None and expression.fullmatch(text) is not None
            case ParameterType.UIDS:
                return uid_set(text) is not None
            case ParameterType.DATE:
                return text in DAYS or _is_date(text)
            case ParameterType.MAILBOX:
                return is_mailbox_name(text)
            case ParameterType.TEXT | ParameterType.SECRET | ParameterType.FILE:
                return True


@lru_cache(maxsize=1024)
def _compile(expression: str) -> re.Pattern[str] | None:
    try:
        return re.compile(expression)
    # A huge repeat count overflows, deep nesting recurses; both come from the map, not from a client.
    except (re.error, OverflowError, RecursionError):
        return None


def bounds(detail: str) -> range | None:
    """The numbers that an integer's detail allows; None if it makes no sense."""
    if not detail.strip():
        return range(-(10**18), 10**18)
    ends = detail.split()
    if len(ends) != 2 or not all(INTEGER.fullmatch(end) for end in ends):
        return None
    least, greatest = map(int, ends)
    return range(least, greatest + 1) or None


def _is_date(text: str) -> bool:
    try:
        return DATE.fullmatch(text) is not None and bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False
