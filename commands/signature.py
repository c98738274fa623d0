"""Argument signatures: what a verb takes, whether given arguments are that, and the argv they make. Pure.

Arguments are matched whole and land in argv as whole elements, so that one can neither grow into two nor
reach a shell; a leading "-" is refused by default, since the program would take it for an option.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

MAX_ARGUMENTS = 16
MAX_ARGUMENT_LENGTH = 1024  # bytes, as Pigeonhole's extprograms allow; Linux would take 131,071
MAX_ARGUMENTS_LENGTH = 16 * 1024

# C0 but for the tab, DEL, C1, and the two separators that Unicode counts as line ends.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

# RFC 5322 dot-atom without "*" and "?": spam filters read these two as wildcards. RFC 1123 host name.
_ATOM = r"[A-Za-z0-9!#$%&'+/=^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = re.compile(rf"(?=.{{1,64}}@)(?=.{{1,254}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")

INTEGER = re.compile(r"-?[0-9]{1,18}")  # what every program's 64-bit integer holds

PLACEHOLDER = re.compile(r"\{(\*|[A-Za-z0-9_-]+)\}")


class ParameterType(StrEnum):
    WORD = "word"
    CHOICE = "choice"
    EMAIL = "email"
    INTEGER = "integer"
    PATTERN = "pattern"
    TEXT = "text"


class UsageError(ValueError):
    """The arguments are not the verb's. Its text is for the client: ASCII, with the verb's usage."""


class ArgumentLimitError(ValueError):
    """More or longer arguments than any verb may be given. Its text is for the client."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One place for an argument.

    `detail` is, by type, the word, the words with a space between, "min max", or the regular expression.
    `optional`: it may be left out, with all that follow it. `max_length` is in bytes.
    """

    name: str
    type: ParameterType
    detail: str = ""
    optional: bool = False
    max_length: int = MAX_ARGUMENT_LENGTH
    allow_leading_dash: bool = False

    @property
    def label(self) -> str:
        """Usage without the brackets of an optional one: `add`, `(on|off)`, `ADDRESS`."""
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
            case ParameterType.INTEGER if _bounds(self.detail) is None:
                return "Give the least and the greatest number, a space between them, or nothing."
            case ParameterType.PATTERN if _compile(self.detail) is None:
                return "This is no regular expression."
            case _:
                return ""

    def _can_match(self, words: Sequence[str]) -> bool:
        return bool(words) and all(self.match(word.encode(errors="surrogatepass")) for word in words)

    def match(self, argument: bytes) -> bool:
        """Whether the whole argument is of this type. Any bytes may be given; text is one line of UTF-8."""
        # First of all, so that an expression never runs on more than the map allows.
        if len(argument) > self.max_length:
            return False
        if argument.startswith(b"-") and not self.allow_leading_dash:
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
                bounds = _bounds(self.detail)
                return bounds is not None and INTEGER.fullmatch(text) is not None and int(text) in bounds
            case ParameterType.PATTERN:
                expression = _compile(self.detail)
                return expression is not None and expression.fullmatch(text) is not None
            case ParameterType.TEXT:
                return True


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a verb."""

    parameters: tuple[Parameter, ...]

    @property
    def usage(self) -> str:
        """`add ADDRESS [COMMENT]`; what can be left out together stands in the same brackets."""
        text = " ".join(("[" if each.optional else "") + each.label for each in self.parameters)
        return text + "]" * sum(each.optional for each in self.parameters)

    def match(self, arguments: Sequence[bytes]) -> dict[str, bytes] | None:
        """The arguments by their parameters' names, without those left out; None if they don't match."""
        given, left_out = self.parameters[: len(arguments)], self.parameters[len(arguments) :]
        if len(arguments) > len(self.parameters) or (left_out and not left_out[0].optional):
            return None
        if not all(parameter.match(argument) for parameter, argument in zip(given, arguments, strict=True)):
            return None
        return {parameter.name: argument for parameter, argument in zip(given, arguments, strict=True)}


def usage(signatures: Sequence[Signature]) -> str:
    """`add ADDRESS | remove ADDRESS | list`; empty for a verb that takes no arguments."""
    return " | ".join(signature.usage or "(no arguments)" for signature in signatures)


def match_arguments(verb: str, signatures: Sequence[Signature], arguments: Sequence[bytes]) -> dict[str, bytes]:
    """The arguments by name, as the first signature that they match names them; no signatures: no arguments.

    Raises ArgumentLimitError, whatever the signatures say, and UsageError.
    """
    if len(arguments) > MAX_ARGUMENTS:
        raise ArgumentLimitError(f"more than {MAX_ARGUMENTS} arguments")
    if any(len(argument) > MAX_ARGUMENT_LENGTH for argument in arguments):
        raise ArgumentLimitError(f"an argument of more than {MAX_ARGUMENT_LENGTH} bytes")
    if sum(map(len, arguments)) > MAX_ARGUMENTS_LENGTH:
        raise ArgumentLimitError(f"arguments of more than {MAX_ARGUMENTS_LENGTH} bytes in all")
    for signature in signatures or (Signature(()),):
        values = signature.match(arguments)
        if values is not None:
            return values
    message = f"{verb}: usage: {usage(signatures) or '(no arguments)'}"
    raise UsageError(message.encode("ascii", "backslashreplace").decode())


def build_argv(template: Sequence[str], values: Mapping[str, bytes], arguments: Sequence[bytes]) -> tuple[bytes, ...]:
    """The argument vector that a template and matched arguments make.

    An element that is just `{name}` becomes that argument, or nothing if it was not given; `{*}` becomes all
    arguments in their order; any other element stands as it is.
    """
    argv: list[bytes] = []
    for element in template:
        placeholder = PLACEHOLDER.fullmatch(element)
        if placeholder is None:
            argv.append(element.encode())
        elif placeholder[1] == "*":
            argv.extend(arguments)
        elif placeholder[1] in values:
            argv.append(values[placeholder[1]])
    return tuple(argv)


@lru_cache(maxsize=1024)
def _compile(expression: str) -> re.Pattern[str] | None:
    try:
        return re.compile(expression)
    # A huge repeat count overflows, deep nesting recurses; both come from the map, not from a client.
    except (re.error, OverflowError, RecursionError):
        return None


def _bounds(detail: str) -> range | None:
    if not detail.strip():
        return range(-(10**18), 10**18)
    bounds = detail.split()
    if len(bounds) != 2 or not all(INTEGER.fullmatch(bound) for bound in bounds):
        return None
    least, greatest = map(int, bounds)
    return range(least, greatest + 1) or None
