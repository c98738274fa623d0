"""Write a verb with its tags and signatures, as one change with one row in its history."""

from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from commands.mapfile.entries import VERB_FIELDS
from commands.mapfile.parameters import PlainSignature, parameter_entry, plain_signatures
from commands.mapfile.plain import Entry
from commands.mapfile.problems import Problem, problems_of
from commands.models import Parameter, Signature, Tag, Verb
from commands.validators import validate_signatures


def save_verb(
    where: str, verb: Verb, entry: Entry, tags: Mapping[str, Tag], reason: str = "", *, write: bool = True
) -> list[Problem]:
    """Make a verb as its entry says, and return why it can't be: the caller rolls back then.

    One that is not valid is written all the same where the database takes it, so that what hangs on it is checked too.
    Not `write`: it is as its entry says already, and is validated alone.
    """
    for name in VERB_FIELDS:
        setattr(verb, name, entry[name])
    problems = []
    try:
        verb.full_clean()
    except ValidationError as error:
        problems += problems_of(where, error)
    if write:
        try:
            with transaction.atomic():
                is_new = verb._state.adding
                with verb.without_history():
                    verb.save()
                    verb.tags.set(tags[name] for name in entry["tags"] if name in tags)
                    problems += _save_signatures(where, verb, entry["signatures"])
                verb.add_version(is_new=is_new, reason=reason)
        except (DatabaseError, TypeError, ValueError) as error:
            if not problems:
                problems.append(Problem(where, f"the database refuses it: {error}"))
            return problems
    if not problems:
        problems += _problems_of_signatures(where, verb)
    return problems


def _save_signatures(where: str, verb: Verb, signatures: list[PlainSignature]) -> list[Problem]:
    if plain_signatures(verb.signatures.prefetch_related("parameters")) == signatures:
        return []
    problems = []
    verb.signatures.all().delete()
    for number, parameters in enumerate(signatures):
        signature = Signature.objects.create(verb=verb, position=number)
        for place, given in enumerate(parameters):
            row = Parameter(signature=signature, position=place, **parameter_entry(given))
            try:
                row.full_clean()
            except ValidationError as error:
                problems += problems_of(f"{where}, signature {number + 1}, parameter {place + 1}", error)
                continue
            row.save()
    return problems


def _problems_of_signatures(where: str, verb: Verb) -> list[Problem]:
    try:
        for signature in verb.signatures.prefetch_related("parameters"):
            for parameter in signature.parameters.all():
                parameter.full_clean()
        # Not `clean_signatures`: rules that speak of parameters are yet to become what the file says, and are cleaned.
        rows = verb.signatures.prefetch_related("parameters")
        validate_signatures(verb.kind, verb.argv, [row.matcher() for row in rows])
    except ValidationError as error:
        return problems_of(f"{where}, signatures", error)
    return []
