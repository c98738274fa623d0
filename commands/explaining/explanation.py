"""A question to the gate, and the answer with all that leads to it: plain data."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from commands.arguments.signature import ParameterType, Signature
from commands.outcome import Outcome
from commands.policy import Rule
from commands.rulebook.limits import Used
from commands.verbmap import VerbEntry

SECRET = "(secret)"  # noqa: S105
PLACEHOLDER = b"-"
"""What may stand for a secret argument: of which any text will do, and which is better not written down."""


@dataclass(frozen=True, slots=True)
class Question:
    """May this user run this verb in this way? The message that a verb takes as input counts as given. `at` is aware;
    None: now."""

    user: str
    verb: str
    arguments: tuple[bytes, ...] = field(default=(), repr=False)
    remote_addr: str | None = None
    tls: bool = True
    mailbox: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unmet:
    """A rule that does not match, and why."""

    rule: Rule
    why: str


@dataclass(frozen=True, slots=True)
class Limit:
    """One that holds for it, and how many count for it now."""

    rule: Rule
    used: Used

    @property
    def parts(self) -> tuple[tuple[str, int, int], ...]:
        """For each that is set: of what, how many there are, and how many there may be."""
        limits, used = self.rule.limits, self.used
        each = (
            ("at once", used.at_once, limits.at_once),
            ("in a minute", used.per_minute, limits.per_minute),
            ("in 24 hours", used.per_day, limits.per_day),
        )
        return tuple((name, now, most) for name, now, most in each if most is not None)

    @property
    def reached(self) -> bool:
        return any(now >= most for _, now, most in self.parts)

    @property
    def words(self) -> str:
        return ", ".join(f"{now} of {most} {name}" for name, now, most in self.parts)


@dataclass(frozen=True, slots=True)
class Explanation:
    """`outcome` and `reason` are as the record would have them. `arguments` and `runs` are to read, without secrets.

    `runs` is a program's argument vector, or what else would run; empty where nothing would but for its rules or its
    arguments. `more`: how many rules are not listed.
    """

    question: Question
    outcome: Outcome
    reason: str
    rule: Rule | None = None
    verb: VerbEntry | None = None
    arguments: tuple[str, ...] = ()
    matched: tuple[Rule, ...] = ()
    unmet: tuple[Unmet, ...] = ()
    more: int = 0
    limits: tuple[Limit, ...] = ()
    runs: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.outcome is Outcome.ACCEPTED


def with_placeholders(verb: VerbEntry, arguments: Sequence[bytes]) -> VerbEntry:
    """The verb as it takes PLACEHOLDER in the place of a secret, whichever characters that may hold."""

    def relaxed(signature: Signature) -> Signature:
        return Signature(
            tuple(
                replace(parameter, characters="")
                if parameter.type is ParameterType.SECRET and arguments[place : place + 1] == [PLACEHOLDER]
                else parameter
                for place, parameter in enumerate(signature.parameters)
            )
        )

    arguments = list(arguments)
    return replace(verb, signatures=tuple(map(relaxed, verb.signatures)))
