"""What a client is told about verbs: which it may run, and what one of them takes (PROTOCOL section 3)."""

import json
from collections.abc import Iterable

from commands.arguments.signature_schema import describe as schema
from commands.authorization import NOT_PERMITTED, Refused
from commands.outcome import Outcome
from commands.rulebook.snapshot import VerbEntry


def listing(verbs: Iterable[VerbEntry]) -> str:
    """A line for each: name, mode and usage."""
    return "".join(f"{verb.name} ({verb.mode}) {verb.usage}".rstrip() + "\n" for verb in verbs)


def describe(verbs: Iterable[VerbEntry], name: str) -> str:
    """One of them as JSON Schema. Raises Refused if it is none of them."""
    for verb in verbs:
        if verb.name == name:
            return json.dumps(schema(verb), indent=2) + "\n"
    raise Refused(Outcome.NOPERM, NOT_PERMITTED)
