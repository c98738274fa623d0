"""Argument signatures: what a verb takes, whether given arguments are that, and the argv they make. Pure.

Arguments are matched whole and land in argv as whole elements, so that one can neither grow into two nor
reach a shell; a leading "-" is refused by default, since the program would take it for an option.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from commands.arguments.parameter import EMAIL, MAX_ARGUMENT_LENGTH, MAX_ARGUMENTS, Parameter, ParameterType
from commands.arguments.uid_set import uid_set

__all__ = [
    "EMAIL",
    "MAX_ARGUMENTS",
    "MAX_ARGUMENTS_LENGTH",
    "MAX_ARGUMENT_LENGTH",
    "PLACEHOLDER",
    "ArgumentLimitError",
    "Match",
    "Parameter",
    "ParameterType",
    "Signature",
    "UsageError",
    "Values",
    "ambiguous_in_argv",
    "build_argv",
    "hidden_positions",
    "match_arguments",
    "secret_in_argv",
    "unknown_in_argv",
    "usage",
]

MAX_ARGUMENTS_LENGTH = 16 * 1024

# Of one signature: with a line end each they go into the smallest pipe at once (PIPE_BUF).
MAX_SECRETS = 3

MESSAGE = "MESSAGE"
"""What usage shows as the last argument of a verb that takes it as input."""

PLACEHOLDER = re.compile(r"\{(\*|[A-Za-z0-9_-]+)\}")

Values = Mapping[str, bytes | tuple[bytes, ...]]
"""Arguments by their parameters' names, without those left out; those of a repeated one in a tuple."""


class UsageError(ValueError):
    """The arguments are not the verb's. Its text is for the client: ASCII, with the verb's usage."""


class ArgumentLimitError(ValueError):
    """More or longer arguments than any verb may be given. Its text is for the client."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a verb."""

    parameters: tuple[Parameter, ...]

    @property
    def usage(self) -> str:
        """`add ADDRESS [COMMENT]`; what can be left out together stands in the same brackets."""
        text = " ".join(("[" if each.optional else "") + each.label for each in self.parameters)
        return text + "]" * sum(each.optional for each in self.parameters)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the secret parameters, in order."""
        return tuple(each.name for each in self.parameters if each.type is ParameterType.SECRET)

    @property
    def repeated_names(self) -> frozenset[str]:
        """Names of more than one parameter: of their values only the last can be had by name."""
        names = [each.name for each in self.parameters]
        return frozenset(name for name in names if names.count(name) > 1)

    @property
    def fault(self) -> str:
        """What is wrong with how the parameters stand together, for its author; empty if nothing is."""
        if not self.repeated_names.isdisjoint(self.secrets):
            return "A secret has the name of another parameter of its signature."
        if any(each.repeat for each in self.parameters[:-1]):
            return "Only the last parameter of a signature can be repeated."
        if len(self.secrets) > MAX_SECRETS:
            return f"A signature can have {MAX_SECRETS} secrets at most."
        if sum(each.type is ParameterType.UIDS for each in self.parameters) > 1:
            return "A signature can have one set of messages at most."
        return ""

    def match(self, arguments: Sequence[bytes]) -> Values | None:
        """The arguments by name; None if they don't match."""
        pairs = self._pairs(arguments)
        if pairs is None or not all(parameter.match(argument) for parameter, argument in pairs):
            return None
        values: dict[str, bytes | tuple[bytes, ...]] = {
            parameter.name: argument for parameter, argument in pairs if not parameter.repeat
        }
        if repeated := tuple(argument for parameter, argument in pairs if parameter.repeat):
            values[self.parameters[-1].name] = repeated
        return values

    def texts(self, arguments: Sequence[bytes], today: date) -> Mapping[str, tuple[str, ...]]:
        """As rules read the arguments, which must match: all of each name, without the secret ones."""
        texts: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
        for parameter, argument in self._pairs(arguments) or ():
            if parameter.type is not ParameterType.SECRET:
                texts[parameter.name] += (parameter.as_text(argument, today),)
        return dict(texts)

    def _pairs(self, arguments: Sequence[bytes]) -> list[tuple[Parameter, bytes]] | None:
        """Each argument with its parameter; None if their numbers don't fit."""
        given, left_out = self.parameters[: len(arguments)], self.parameters[len(arguments) :]
        if left_out and not left_out[0].optional:
            return None
        more = len(arguments) - len(given)
        if more and not (given and given[-1].repeat and more < given[-1].max_count):
            return None
        return list(zip((*given, *given[-1:] * more), arguments, strict=True))


@dataclass(frozen=True, slots=True)
class Match:
    """Arguments of a verb, as the signature that they match names them."""

    signature: Signature
    values: Values = field(repr=False)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Those of the values that must not be shown, in order."""
        return tuple(value for value in map(self.values.get, self.signature.secrets) if isinstance(value, bytes))

    @property
    def uids(self) -> tuple[int, ...] | None:
        """The messages of the mailbox that the verb is for, in order; None if it is for none."""
        for parameter in self.signature.parameters:
            value = self.values.get(parameter.name)
            if parameter.type is ParameterType.UIDS and isinstance(value, bytes):
                return uid_set(value.decode())
        return None


def usage(signatures: Sequence[Signature], takes_input: bool = False) -> str:
    """`add ADDRESS | remove ADDRESS | list`; empty for a verb that takes no arguments."""
    if takes_input:
        return " | ".join(_usage_with_input(each) for each in signatures or (Signature(()),))
    return " | ".join(signature.usage or "(no arguments)" for signature in signatures)


def _usage_with_input(signature: Signature) -> str:
    """Messages that are named by UID are all the input."""
    named = any(each.type is ParameterType.UIDS for each in signature.parameters)
    return signature.usage if named else f"{signature.usage} {MESSAGE}".lstrip()


def match_arguments(
    verb: str, signatures: Sequence[Signature], arguments: Sequence[bytes], takes_input: bool = False
) -> Match:
    """What the arguments are to the first signature that they match; no signatures: no arguments.

    `takes_input` is for the usage alone: the message is none of the arguments. Raises ArgumentLimitError, whatever the
    signatures say, and UsageError.
    """
    if len(arguments) > MAX_ARGUMENTS:
        raise ArgumentLimitError(f"more than {MAX_ARGUMENTS} arguments")
    if any(len(argument) > MAX_ARGUMENT_LENGTH for argument in arguments):
        raise ArgumentLimitError(f"an argument of more than {MAX_ARGUMENT_LENGTH} bytes")
    if sum(map(len, arguments)) > MAX_ARGUMENTS_LENGTH:
        raise ArgumentLimitError(f"arguments of more than {MAX_ARGUMENTS_LENGTH} bytes in all")
    match = _first_match(signatures, arguments)
    if match is None:
        message = f"{verb}: usage: {usage(signatures, takes_input) or '(no arguments)'}"
        raise UsageError(message.encode("ascii", "backslashreplace").decode())
    return match


def _first_match(signatures: Sequence[Signature], arguments: Sequence[bytes]) -> Match | None:
    for signature in signatures or (Signature(()),):
        values = signature.match(arguments)
        if values is not None:
            return Match(signature, values)
    return None


def hidden_positions(signatures: Sequence[Signature], arguments: Sequence[bytes]) -> frozenset[int]:
    """Which of the arguments must not be recorded or shown. Any arguments may be given, also too many or too long.

    Where they match no signature of a verb that takes secrets, any of them may be one: all are hidden.
    """
    if not any(signature.secrets for signature in signatures):
        return frozenset()
    fits = len(arguments) <= MAX_ARGUMENTS and all(len(argument) <= MAX_ARGUMENT_LENGTH for argument in arguments)
    match = _first_match(signatures, arguments) if fits else None
    if match is None:
        return frozenset(range(len(arguments)))
    pairs = match.signature._pairs(arguments) or ()
    return frozenset(place for place, (each, _) in enumerate(pairs) if each.type is ParameterType.SECRET)


def build_argv(template: Sequence[str], values: Values, arguments: Sequence[bytes]) -> tuple[bytes, ...]:
    """The argument vector that a template and matched arguments make.

    An element that is just `{name}` becomes that argument, or all of that name, or nothing if it was not given; `{*}`
    becomes all arguments in their order; any other element stands as it is. See `secret_in_argv` for what not to fill.
    """
    argv: list[bytes] = []
    for element in template:
        placeholder = PLACEHOLDER.fullmatch(element)
        if placeholder is None:
            argv.append(element.encode())
        elif placeholder[1] == "*":
            argv.extend(arguments)
        elif (value := values.get(placeholder[1])) is not None:
            argv.extend([value] if isinstance(value, bytes) else value)
    return tuple(argv)


def secret_in_argv(template: Sequence[str], signatures: Sequence[Signature]) -> str:
    """Why the template would show a secret in the list of processes, for its author; empty if it would not."""
    secrets = {name for signature in signatures for name in signature.secrets}
    for name in _placeholders(template):
        if secrets and name == "*":
            return "'{*}' would show a secret argument to all who list processes: name the others one by one."
        if name in secrets:
            return f"'{{{name}}}' would show a secret argument to all who list processes: the program reads it instead."
    return ""


def unknown_in_argv(template: Sequence[str], signatures: Sequence[Signature]) -> str:
    """Which placeholder stands for nothing, for its author; empty if none does."""
    known = {"*", *(each.name for signature in signatures for each in signature.parameters)}
    for name in _placeholders(template):
        if name not in known:
            return f"'{{{name}}}' is the name of no parameter of any signature."
    return ""


def ambiguous_in_argv(template: Sequence[str], signatures: Sequence[Signature]) -> str:
    """Which placeholder could stand for two arguments at once, for its author; empty if none could."""
    repeated = frozenset().union(*(signature.repeated_names for signature in signatures))
    for name in _placeholders(template):
        if name in repeated:
            return f"'{{{name}}}' is the name of two parameters of one signature."
    return ""


def _placeholders(template: Sequence[str]) -> Iterator[str]:
    for element in template:
        if placeholder := PLACEHOLDER.fullmatch(element):
            yield placeholder[1]
