"""imapx-vacation OPTIONS [--] (show | on [TEXT|-] [WORD VALUE]... | off): reply to mail while away (RFC 5230).

    from DATE, until DATE    these days included, by the mail server's clock; without them from now, and without an end
    subject TEXT             of the reply; empty: the mail server makes one
    days N                   not to the same sender again before so many days are over
    address ADDRESS          another one of the user's own, to which mail is replied; may be given more than once

Without TEXT, or with "-", the text is standard input; if that is empty, the text of last time. Subject, days and
addresses stay as they are until they are given anew (an empty ADDRESS forgets all); dates do not. `off` keeps
everything for next time. Options and exit status: sieve_program.py.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from functools import partial

from commands.programs.refused import RefusedError
from commands.programs.sieve_program import Action, BadArgumentError, parse_addresses, run
from commands.programs.sieve_scripts import Scripts
from commands.programs.sieve_text import CONTROL, Settings, quote, quote_lines, quote_list

PART = "vacation"
USAGE = (
    "show | on [TEXT|-] [from DATE] [until DATE] [subject TEXT] [days N] [address ADDRESS]... | off"
    " (DATE is YYYY-MM-DD, today or tomorrow)"
)
TEXT_LENGTH = 16 * 1024
LINE_LENGTH = 990  # RFC 5322 section 2.1.1: 998
DAYS = range(1, 366)


@dataclass(frozen=True, slots=True)
class Vacation:
    """Dates are ISO 8601, or empty."""

    text: str = ""
    start: str = ""
    end: str = ""
    subject: str = ""
    days: int = 7
    addresses: list[str] = field(default_factory=list)

    def settings(self) -> Settings:
        return asdict(self)

    def body(self, own: list[str]) -> str:
        tests = [
            f'currentdate :value "{relation}" "date" {quote(day)}'
            for relation, day in (("ge", self.start), ("le", self.end))
            if day
        ]
        addresses = parse_addresses([*own, *self.addresses])
        words = [f"vacation :days {self.days}"]
        words += [f":subject {quote(self.subject)}"] if self.subject else []
        words += [f":addresses {quote_list(addresses)}"] if addresses else []
        command = f"{' '.join(words)} {quote_lines(self.text)};\r\n"
        if not tests:
            return f'require "vacation";\r\n{command}'
        head = 'require ["vacation", "date", "relational"];\r\n'
        return f"{head}if allof(true, {', '.join(tests)}) {{\r\n{command}}}\r\n"


def read(scripts: Scripts) -> Vacation | None:
    """What was set last, on or off."""
    settings = scripts.settings(PART)
    try:
        return None if settings is None else Vacation(**settings)  # type: ignore[arg-type]
    except TypeError:  # of a later version of this program
        raise RefusedError(f"the settings of {PART} can't be read: switch it off and on again") from None


def show(scripts: Scripts) -> str:
    vacation = read(scripts)
    if vacation is None:
        return "off\n"
    lines = ["on" if scripts.is_on(PART) else "off"]
    lines += [f"{word} {day}" for word, day in (("from", vacation.start), ("until", vacation.end)) if day]
    lines += [f"subject {vacation.subject}"] if vacation.subject else []
    lines.append(f"days {vacation.days}")
    lines += [f"address {address}" for address in vacation.addresses]
    return "\n".join([*lines, "", vacation.text, ""])


def switch_on(given: Mapping[str, object], own: list[str], scripts: Scripts) -> str:
    former = read(scripts) or Vacation()
    vacation = replace(former, start="", end="")
    vacation = replace(vacation, **given)  # type: ignore[arg-type]
    if not vacation.text:
        raise RefusedError("there is no text to reply with: give one")
    extensions = {"vacation"} | ({"date", "relational"} if vacation.start or vacation.end else set())
    scripts.switch_on(PART, vacation.settings(), vacation.body(own), extensions)
    return ""


def switch_off(scripts: Scripts) -> str:
    scripts.switch_off(PART)
    try:
        scripts.settings(PART)
    except RefusedError:
        return f'the script that was changed by hand is now "{scripts.remove(PART)}"\n'
    return ""


def parse_on(words: list[str]) -> dict[str, object] | None:
    """Fields of a Vacation by name; None for wrong usage. Raises BadArgumentError."""
    text = words.pop(0) if len(words) % 2 else "-"
    given: dict[str, object] = {}
    addresses: list[str] = []
    for word, value in zip(words[::2], words[1::2], strict=True):
        match word:
            case "from":
                given["start"] = _parse_date(value)
            case "until":
                given["end"] = _parse_date(value)
            case "subject":
                given["subject"] = _parse_subject(value)
            case "days":
                given["days"] = _parse_days(value)
            case "address":
                addresses.append(value)
                given["addresses"] = parse_addresses([each for each in addresses if each])
            case _:
                return None
    start, end = str(given.get("start", "")), str(given.get("end", ""))
    if end and end < start:
        raise BadArgumentError(f"it can't end on {end}, before it begins on {start}")
    if end and date.fromisoformat(end) < date.today():
        raise BadArgumentError(f"{end} is over")
    if text := _parse_text(_read_input() if text == "-" else text):
        given["text"] = text
    return given


def _parse_date(text: str) -> str:
    if text in ("today", "tomorrow"):
        return (date.today() + timedelta(days=text == "tomorrow")).isoformat()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise BadArgumentError(f"not a date such as 2027-01-31: {text!a}") from None


def _parse_days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and int(text) in DAYS):
        raise BadArgumentError(f"days are a number from {DAYS[0]} to {DAYS[-1]}")
    return int(text)


def _parse_subject(text: str) -> str:
    if CONTROL.search(text) or len(text) > 250:
        raise BadArgumentError("a subject is one line of UTF-8, of at most 250 characters")
    return text.strip()


def _parse_text(text: str) -> str:
    text = text.replace("\r\n", "\n").strip("\n")
    lines = text.split("\n")
    if any(CONTROL.search(line.replace("\t", "")) for line in lines):
        raise BadArgumentError("a text is lines of UTF-8, without control characters")
    if any(len(line.encode()) > LINE_LENGTH for line in lines):
        raise BadArgumentError(f"a line of the text has more than {LINE_LENGTH} bytes")
    return text if text.strip() else ""


def _read_input() -> str:
    data = sys.stdin.buffer.read(TEXT_LENGTH + 1)
    if len(data) > TEXT_LENGTH:
        raise BadArgumentError(f"a text has at most {TEXT_LENGTH} bytes")
    return data.decode(errors="surrogateescape")  # refused as a text, like those of an argument


def choose(arguments: list[str], own: list[str]) -> Action | None:
    match arguments:
        case ["show"]:
            return show
        case ["on", *words]:
            given = parse_on(words)
            return None if given is None else partial(switch_on, given, own)
        case ["off"]:
            return switch_off
        case _:
            return None


def main() -> int:
    return run(PART, USAGE, choose)


if __name__ == "__main__":
    sys.exit(main())
