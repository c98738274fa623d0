"""What is wrong with a rule or a lock, said of each field. Their fields are put into the form that is kept."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from commands.arguments.signature import ParameterType, Signature
from commands.expression import compiled
from commands.rulebook import canonical
from commands.validators import is_text

if TYPE_CHECKING:
    from commands.models import Lock, Rule, Verb

Faults = dict[str, str]

NUMBERS = ("at_once", "per_minute", "per_day")
NO_TIME = f"Give a time from the year {canonical.YEARS[0]} to {canonical.YEARS[-1]}, or none."
NO_EXPRESSION = "%r is no regular expression of RE2's (it has no look-around and no back references)."


def check_rule(rule: "Rule") -> None:
    """Raises ValidationError. Whether one subject and one thing are named is for the constraints to say."""
    faults: Faults = {}
    _settle(rule, "domain", canonical.domain, faults)
    _settle(rule, "networks", canonical.networks, faults)
    _settle(rule, "weekdays", canonical.weekdays, faults)
    _check_reason(rule, faults)
    _check_times(rule, faults)
    _check_limits(rule, faults)
    if rule.mailbox and compiled(rule.mailbox) is None:
        faults["mailbox"] = NO_EXPRESSION % rule.mailbox
    if fault := _arguments_fault(rule):
        faults["arguments"] = fault
    if faults:
        raise ValidationError(faults)


def check_lock(lock: "Lock") -> None:
    """Raises ValidationError. Whether one thing is named is for the constraint to say."""
    faults: Faults = {}
    _settle(lock, "network", canonical.network, faults)
    _check_reason(lock, faults)
    if lock.until is not None and lock.until.year not in canonical.YEARS:
        faults["until"] = NO_TIME
    elif lock._state.adding and lock.until is not None and lock.until <= timezone.now():
        faults["until"] = "This is past already: the lock would lock nothing."
    if faults:
        raise ValidationError(faults)


def _settle(row: Any, name: str, form: Callable[[str], str], faults: Faults) -> None:
    """Put a field into its form, unless it is empty."""
    value = getattr(row, name).strip()
    try:
        setattr(row, name, form(value) if value else "")
    except ValueError as error:
        faults[name] = str(error)


def _check_reason(row: Any, faults: Faults) -> None:
    row.reason = row.reason.strip()
    if not row.reason:
        faults["reason"] = "Say why: whoever reads the record sees it."


def _check_times(rule: "Rule", faults: Faults) -> None:
    if (rule.hours_from is None) != (rule.hours_until is None):
        faults["hours_from" if rule.hours_from is None else "hours_until"] = "Give both hours, or none."
    elif rule.hours_from is not None and rule.hours_from == rule.hours_until:
        faults["hours_until"] = "From this hour until the same one is never. For the whole day give no hours."
    if rule.valid_from is not None and rule.valid_until is not None and rule.valid_from >= rule.valid_until:
        faults["valid_until"] = "It must be later than the time from which the rule holds."
    for name in ("valid_from", "valid_until"):
        moment = getattr(rule, name)
        if moment is not None and moment.year not in canonical.YEARS:
            faults[name] = NO_TIME


def _check_limits(rule: "Rule", faults: Faults) -> None:
    given = [name for name in NUMBERS if getattr(rule, name) is not None]
    if rule.effect != rule.Effect.LIMIT:
        faults |= dict.fromkeys(given, "Only a limit has numbers.")
        rule.counted = rule.Counted.USER
    elif not given:
        faults["at_once"] = "A limit needs a number: at once, per minute or per day."


def _arguments_fault(rule: "Rule") -> str:
    arguments = rule.arguments
    if not isinstance(arguments, dict) or not all(
        isinstance(each, str) and each for pair in arguments.items() for each in pair
    ):
        return 'Give a JSON object: names of parameters, and an expression for each: {"address": ".*@example\\\\.org"}.'
    for name, expression in arguments.items():
        if not is_text(name + expression):
            return f"{name + expression!r} holds a NUL or half a surrogate pair."
        if compiled(expression) is None:
            return NO_EXPRESSION % expression
    return "" if rule.verb is None else _names_fault(rule.verb, arguments, _matchers(rule.verb))


def lost_arguments(verb: "Verb", signatures: Sequence[Signature]) -> list[str]:
    """Rules that would speak of no parameter, were these the verb's signatures: a deny of them would never match."""
    rules = [] if verb._state.adding else verb.rules.filter(enabled=True).exclude(arguments={})
    faults = [(rule, _names_fault(verb, rule.arguments, signatures)) for rule in rules]
    return [f"Rule {rule.pk} ({rule}): {fault}" for rule, fault in faults if fault]


def _matchers(verb: "Verb") -> list[Signature]:
    return [row.matcher() for row in verb.signatures.prefetch_related("parameters")]


def _names_fault(verb: "Verb", names: Iterable[str], signatures: Sequence[Signature]) -> str:
    parameters = [parameter for signature in signatures for parameter in signature.parameters]
    known = {parameter.name for parameter in parameters}
    secret = {parameter.name for parameter in parameters if parameter.type is ParameterType.SECRET}
    for name in names:
        if name not in known:
            return f"{verb} has no parameter {name!r}; it has {', '.join(sorted(known)) or 'none'}."
        if name in secret:
            return f"{name!r} is a secret: no rule may speak of it."
    return ""
