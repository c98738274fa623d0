"""One place for an argument: its type, and whether given bytes are of it. Pure."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from commands.arguments import mailbox_name
from commands.arguments.uid_set import uid_set
from commands.expression import compiled, matches_all

MAX_ARGUMENTS = 16
MAX_ARGUMENT_LENGTH = 1024  # bytes, as Pigeonhole's extprograms allow; Linux would take 131,071

# C0 but for the tab, DEL, C1, and the two separators that Unicode counts as line ends.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

# RFC 5322 dot-atom without "*" and "?": spam filters read these two as wildcards. RFC 1123 host name.
_ATOM = r"[A-Za-z0-9!#$%&'+/=^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = re.compile(rf"(?=.{{1,64}}@)(?=.{{1,254}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")

INTEGER = re.compile(r"-?[0-9]{1,18}")  # what every program's 64-bit integer holds

# A class's inside: no bracket that would end it or begin another thing, but for [:alpha:] and its like.
_CLASS = re.compile(r"(?:[^\\\[\]]|\\.|\[:\^?[a-z]+:\])+")

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

    `detail` is, by type, the word, the words with a space between, "min max", or the regular expression (RE2).
    `optional`: it may be left out, with all that follow it. `repeat`: the last one of a signature, given up to
    `max_count` times, at least once unless it is optional. `max_length` is in bytes. `characters` are the only ones
    that it may hold, as they would stand in the brackets of a regular expression; empty: any.
    """

    name: str
    type: ParameterType
    detail: str = ""
    optional: bool = False
    max_length: int = MAX_ARGUMENT_LENGTH
    allow_leading_dash: bool = False
    repeat: bool = False
    max_count: int = MAX_ARGUMENTS
    characters: str = ""

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
                return "Give the word; it must keep to the length, the characters, and the rule for a leading '-'."
            case ParameterType.CHOICE if not self._can_match(self.detail.split()):
                return "Give the words; each must keep to the length, the characters, and the rule for a leading '-'."
            case ParameterType.INTEGER if bounds(self.detail) is None:
                return "Give the least and the greatest number, a space between them, or nothing."
            case ParameterType.PATTERN if compiled(self.detail) is None:
                return "This is no regular expression of RE2's (it has no look-around and no back references)."
            case ParameterType.SECRET | ParameterType.UIDS if self.repeat:
                return "A secret and a set of messages can't be repeated."
            case _:
                return ""

    @property
    def characters_fault(self) -> str:
        """As `fault`, of `characters`."""
        if not self.characters or (_CLASS.fullmatch(self.characters) and compiled(self._character_class) is not None):
            return ""
        return (
            r"Give characters as they stand in brackets: A-Za-z0-9_ and, with a backslash before it, any of \]\[\^\-."
        )

    @property
    def _character_class(self) -> str:
        return f"[{self.characters}]*"

    def _can_match(self, words: Sequence[str]) -> bool:
        return bool(words) and all(self.match(word.encode(errors="surrogatepass")) for word in words)

    def match(self, argument: bytes) -> bool:
        """Whether the whole argument is of this type. Any bytes may be given; only a file's may be no line of UTF-8."""
        # First of all, so that an expression never runs on more than the map allows.
        if len(argument) > self.max_length:
            return False
        # A secret is never in argv, so no program takes it for an option; and passwords do begin with a dash.
        if argument.startswith(b"-") and not self.allow_leading_dash and self.type is not ParameterType.SECRET:
            return False
        if self.type is ParameterType.FILE:
            return b"\0" not in argument and self._has_only_its_characters(argument)
        try:
            text = argument.decode()
        except UnicodeDecodeError:
            return False
        return not CONTROL.search(text) and self._has_only_its_characters(argument) and self._match_text(text)

    def _has_only_its_characters(self, argument: bytes) -> bool:
        if not self.characters:
            return True
        try:
            return not self.characters_fault and matches_all(self._character_class, argument.decode())
        except UnicodeDecodeError:
            return False

    def as_text(self, argument: bytes, today: datetime.date) -> str:
        """An argument that matches, as rules read it: the same for all ways to write one number, mailbox or date.

        Bytes that are no UTF-8 are U+FFFD: any ASCII in their place could pass for what an allow is for.
        """
        text = argument.decode(errors="replace")
        match self.type:
            case ParameterType.INTEGER:
                return str(int(text))
            case ParameterType.MAILBOX:
                return mailbox_name.plain(text)
            case ParameterType.DATE if text in DAYS:
                return str(today + datetime.timedelta(days=DAYS.index(text)))
            case _:
                return text

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
                return matches_all(self.detail, text)
            case ParameterType.UIDS:
                return uid_set(text) is not None
            case ParameterType.DATE:
                return text in DAYS or _is_date(text)
            case ParameterType.MAILBOX:
                return mailbox_name.is_mailbox_name(text)
            case ParameterType.TEXT | ParameterType.SECRET | ParameterType.FILE:
                return True


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
