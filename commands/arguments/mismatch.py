"""Why arguments are not what a signature takes, for who writes it. Pure; clients get the usage alone."""

from collections.abc import Sequence

from commands.arguments.parameter import CONTROL, Parameter, ParameterType, bounds
from commands.arguments.signature import Signature

_WRONG = {
    ParameterType.EMAIL: "is no e-mail address",
    ParameterType.PATTERN: "does not match the expression as a whole",
    ParameterType.UIDS: "is no set of messages such as 1:4,7",
    ParameterType.DATE: "is no date: YYYY-MM-DD, today or tomorrow",
    ParameterType.MAILBOX: "is no mailbox name",
}


def mismatch(signature: Signature, arguments: Sequence[bytes]) -> str:
    """Empty just where `signature.match` has values."""
    parameters = signature.parameters
    if len(arguments) < len(parameters) and not parameters[len(arguments)].optional:
        return f"{parameters[len(arguments)].label} is missing"
    more = len(arguments) - len(parameters)
    if more > 0 and not (parameters and parameters[-1].repeat):
        return f"argument {len(parameters) + 1} is one too many"
    if more > 0 and more >= parameters[-1].max_count:
        return f"{parameters[-1].label} may be given {parameters[-1].max_count} times at most"
    pairs = zip((*parameters, *parameters[-1:] * max(more, 0)), arguments, strict=False)
    for number, (parameter, argument) in enumerate(pairs, 1):
        if not parameter.match(argument):
            is_said = parameter.type in (ParameterType.WORD, ParameterType.CHOICE)
            return f"argument {number}{'' if is_said else f' ({parameter.label})'} {_fault(parameter, argument)}"
    return ""


def _fault(parameter: Parameter, argument: bytes) -> str:
    """Of one that does not match; in the order in which `Parameter.match` looks."""
    if len(argument) > parameter.max_length:
        return f"has {len(argument)} bytes, and {parameter.max_length} are the most"
    may_dash = parameter.allow_leading_dash or parameter.type is ParameterType.SECRET
    if argument.startswith(b"-") and not may_dash:
        return "begins with -, so the program would take it for an option"
    if b"\0" in argument:
        return "holds a NUL"
    try:
        text = argument.decode()
    except UnicodeDecodeError:
        return "is no UTF-8"
    if parameter.type is not ParameterType.FILE and CONTROL.search(text):
        return "holds a control character"
    if parameter.characters and not Parameter("", ParameterType.TEXT, characters=parameter.characters).match(argument):
        return f"holds others than the characters {parameter.characters}"
    return _wrong(parameter)


def _wrong(parameter: Parameter) -> str:
    match parameter.type:
        case ParameterType.WORD:
            return f"is not the word {parameter.detail}"
        case ParameterType.CHOICE:
            return f"is none of {', '.join(parameter.detail.split())}"
        case ParameterType.INTEGER:
            allowed = bounds(parameter.detail)
            is_bounded = allowed is not None and parameter.detail.strip()
            return f"is no integer from {allowed[0]} to {allowed[-1]}" if allowed and is_bounded else "is no integer"
        case _:
            return _WRONG.get(parameter.type, "is not of its type")
