"""The map at one revision, immutable: what there is to run. Pure; `snapshot` reads it from the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commands.arguments import signature


@dataclass(frozen=True, slots=True)
class VerbEntry:
    """One verb of the map. Limits are in seconds and bytes; `argv` is the template, not yet filled in."""

    id: int
    name: str
    description: str
    mode: str
    kind: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    changes_mail: bool
    send_stderr: bool
    time_limit: int
    idle_limit: int
    output_limit: int
    input_limit: int
    signatures: tuple[signature.Signature, ...]
    takes_input: bool = False  # a message that is none of the arguments
    address: str = ""
    preamble: str = "none"
    connect_limit: int = 5
    plugin: str = ""
    tags: frozenset[str] = frozenset()
    transcript: str = "none"
    redactions: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """`add ADDRESS | list`; empty if the verb takes no arguments. A message as input is the last of them."""
        return signature.usage(self.signatures, self.takes_input)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is enabled, at one revision. `verbs` is by name, `action_verbs` in capitals.

    `disabled` is of verbs too: nobody may run them, but which of their arguments are secret is still to be known.
    Rules are no part of it: there may be a million, and a call is decided on those that may concern it.
    """

    revision: int
    verbs: Mapping[str, VerbEntry]
    disabled: Mapping[str, VerbEntry]
    action_verbs: frozenset[str]

    @property
    def has_secrets(self) -> bool:
        """Whether any verb takes a secret argument, also one that is not enabled."""
        entries = (*self.verbs.values(), *self.disabled.values())
        return any(each.secrets for entry in entries for each in entry.signatures)

    def hidden_positions(self, verb: str, arguments: Sequence[bytes]) -> frozenset[int]:
        """Which of the arguments must not be recorded or shown, whatever the verb is and whether it may be run."""
        entry = self.verbs.get(verb) or self.disabled.get(verb)
        if entry is not None:
            return signature.hidden_positions(entry.signatures, arguments)
        # It may be the name of one that takes secrets, with a typing error in it.
        return frozenset(range(len(arguments))) if self.has_secrets else frozenset()
