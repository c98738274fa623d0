"""Make a verb, a rule or a lock again what it was: a change like any other, with a row of its own in the history."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from commands.mapfile.apply import try_save
from commands.mapfile.problems import MapFileError, problems_of
from commands.mapfile.verbs import save_verb
from commands.mapfile.versions import is_of_verb, tag_keys, version_entry
from commands.models import Tag


def revert(row: Any) -> Any:
    """Make the thing of this row of a history as it was then; what was deleted is there again, under its old key.

    Returns it. MapFileError: it can't be any more, and nothing was changed.
    """
    instance = row.instance
    reason = f"reverted to the version of {timezone.localtime(row.history_date):%Y-%m-%d %H:%M:%S}"
    with transaction.atomic():
        instance._state.adding = not row.instance_type._base_manager.filter(pk=instance.pk).exists()
        if is_of_verb(row):
            tags = {tag.name: tag for tag in Tag.objects.filter(pk__in=tag_keys(row))}
            problems = save_verb("", instance, version_entry(row), tags, reason)
            if not problems:
                problems = _problems_with_rules(instance)
        else:
            instance._change_reason = reason
            try:
                instance.full_clean()
                problems = try_save("", instance)
            except ValidationError as error:
                problems = problems_of("", error)
        if problems:
            raise MapFileError(problems)
    return instance


def _problems_with_rules(verb: Any) -> list[Any]:
    try:
        verb.clean_signatures()
    except ValidationError as error:
        return problems_of("", error)
    return []
