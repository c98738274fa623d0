"""Rows of the history as plain values, to be compared: what one was, and what it was before."""

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.models import OuterRef, QuerySet, Subquery

from commands.mapfile.entries import FIELDS, MODELS, rule_title
from commands.mapfile.plain import NAMED_BY, Entry, plain
from commands.models import Tag, Verb

KINDS = {model: kind for kind, model in MODELS.items()}


def kind_of(row: Any) -> str:
    """`verb`, `rule`, `lock`."""
    return KINDS[row.instance_type]


def version_entry(row: Any, tags: Sequence[str] | None = None) -> Entry:
    """All fields as they were; a row that was deleted since is named by its number. `tags`: if `tags_of` knows them."""
    kind = kind_of(row)
    if kind != "verb":
        return plain(row, FIELDS[kind])
    names = tuple(name for name in FIELDS[kind] if name not in ("tags", "signatures"))
    return {
        **plain(row, names),
        "tags": tags_of([row])[row.pk] if tags is None else list(tags),
        "signatures": row.signatures,
    }


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


def versions_before(rows: Sequence[Any]) -> dict[int, Any]:
    """As `version_before`, of many rows by two queries; by their own keys, without those that have none before."""
    if not rows:
        return {}
    versions = type(rows[0])._default_manager
    earlier = versions.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    pairs = versions.filter(pk__in=[row.pk for row in rows]).values_list(
        "history_id", Subquery(earlier.values("history_id")[:1])
    )
    keys = {key: before for key, before in pairs if before is not None}
    found = with_names(versions.all()).in_bulk(keys.values())
    return {key: found[before] for key, before in keys.items()}


def with_names(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """Rows of the history with the rows that they name, by the same query."""
    names = [field.name for field in rows.model._meta.fields if field.is_relation and field.name in NAMED_BY]
    return rows.select_related(*names) if names else rows


def tags_of(rows: Sequence[Any]) -> dict[int, list[str]]:
    """The names of the tags that verbs had, by the keys of the rows, by two queries; of other kinds nothing."""
    if not rows or not is_of_verb(rows[0]):
        return {}
    pairs = type(rows[0]).tags.model._default_manager.filter(history__in=rows).values_list("history_id", "tag_id")
    keys = list(pairs)
    names = dict(Tag.objects.filter(pk__in={tag for _, tag in keys}).values_list("pk", "name"))
    found: dict[int, list[str]] = {row.pk: [] for row in rows}
    for version, tag in keys:
        found[version].append(names.get(tag, f"(deleted: {tag})"))
    return {version: sorted(tags) for version, tags in found.items()}


def tag_keys(row: Any) -> list[int]:
    model = type(row).tags.model
    return list(model.objects.filter(history=row).values_list("tag_id", flat=True))


def is_of_verb(row: Any) -> bool:
    return row.instance_type is Verb
