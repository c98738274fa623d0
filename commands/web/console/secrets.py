"""Which arguments are asked for, so that they stand on no screen and in no history. Pure."""

from collections.abc import Sequence

from commands.arguments.signature import Match, ParameterType, match_arguments
from commands.explaining.explanation import PLACEHOLDER, with_placeholders
from commands.verbmap import VerbEntry


def match(verb: VerbEntry, arguments: Sequence[bytes]) -> Match | None:
    """What the arguments are, with a `-` for secrets; None if they are not the verb's."""
    relaxed = with_placeholders(verb, arguments)
    try:
        return match_arguments(relaxed.name, relaxed.signatures, arguments)
    except ValueError:
        return None


def asked_for(found: Match, arguments: Sequence[bytes]) -> list[tuple[int, str]]:
    """Place and label of each secret that was given as `-`."""
    places = zip(arguments, found.signature.parameters, strict=False)
    return [
        (place, parameter.label)
        for place, (argument, parameter) in enumerate(places)
        if parameter.type is ParameterType.SECRET and argument == PLACEHOLDER
    ]
