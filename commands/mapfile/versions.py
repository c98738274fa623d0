"""Rows of the history as plain values, to be compared: what one was, and what it was before."""

from typing import Any

from django.db import models

from commands.mapfile.entries import FIELDS, MODELS, rule_title
from commands.mapfile.plain import Entry, plain
from commands.models import Tag, Verb

KINDS = {model: kind for kind, model in MODELS.items()}


def kind_of(row: Any) -> str:
    """`verb`, `rule`, `lock`."""
    return KINDS[row.instance_type]


def version_entry(row: Any) -> Entry:
    """All fields as they were; a row that was deleted since is named by its number."""
    kind = kind_of(row)
    if kind != "verb":
        return plain(row, FIELDS[kind])
    names = tuple(name for name in FIELDS[kind] if name not in ("tags", "signatures"))
    return {**plain(row, names), "tags": tag_names(row), "signatures": row.signatures}


def version_title(row: Any, entry: Entry) -> str:
    """`calendar`, `allow user ann: calendar`, `user ann (lost phone)`."""
    kind = kind_of(row)
    if kind == "rule":
        return rule_title(entry)
    if kind == "lock":
        covers = ("user", "verb", "network")
        what = [f"{name} {entry[name]}" for name in covers if entry[name]] or ["everything"]
        return f"{what[0]} ({entry['reason']})"
    return str(entry["name"])


def version_before(row: Any) -> Any | None:
    """The row that was made before this one, of the same thing; None: there is none."""
    model: type[models.Model] = type(row)
    return model._default_manager.filter(id=row.id, history_id__lt=row.history_id).order_by("-history_id").first()


def tag_keys(row: Any) -> list[int]:
    model = type(row).tags.model
    return list(model.objects.filter(history=row).values_list("tag_id", flat=True))


def tag_names(row: Any) -> list[str]:
    keys = tag_keys(row)
    names = dict(Tag.objects.filter(pk__in=keys).values_list("pk", "name"))
    return sorted(names.get(key, f"(deleted: {key})") for key in keys)


def is_of_verb(row: Any) -> bool:
    return row.instance_type is Verb
