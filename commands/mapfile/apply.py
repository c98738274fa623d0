"""Make the database as contents say: what differs alone is written, and what can't be is said with its place."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction

from commands.mapfile.difference import Change, compare, pair_rules
from commands.mapfile.entries import Contents, contents_of, rule_entry, rule_rows, rule_title, verb_rows
from commands.mapfile.from_toml import Places
from commands.mapfile.plain import Entry
from commands.mapfile.problems import Problem, problems_of
from commands.mapfile.to_toml import rule_text
from commands.mapfile.verbs import save_verb
from commands.models import ActionVerb, Lock, MapRevision, Rule, Tag, Verb

REASON_LENGTH = 100  # of the history's column


class Application:
    """Applies contents inside of the caller's transaction, which must be rolled back if there are `problems` then.

    `check_all`: what is in the database already is validated again too.
    """

    def __init__(self, places: Places, contents: Contents, reason: str = "", *, check_all: bool = False) -> None:
        self.places, self.contents, self.check_all = places, contents, check_all
        self.reason = reason[:REASON_LENGTH]
        self.problems: list[Problem] = []
        self._touched: set[str] = set()  # verbs that are not as they were

    def run(self) -> list[Change]:
        # Whoever changes the map counts its revision up: until this transaction ends, nobody else does.
        MapRevision.objects.select_for_update().first()
        verbs, rules = verb_rows(), rule_rows()
        changes = compare(contents_of(verbs, rules), self.contents)
        pairs = list(self._pairs(rules))
        self._delete_rules(pairs)
        self._save_names()
        self._save_verbs({verb.name: verb for verb in verbs}, changes)
        self._save_rules(pairs)
        self._delete_verbs([verb for verb in verbs if verb.name not in self.contents.verbs])
        Tag.objects.exclude(name__in=self.contents.tags).delete()
        return changes

    def _pairs(self, rows: list[Rule]) -> Iterator[tuple[Rule | None, Entry | None]]:
        entries = [rule_entry(row) for row in rows]
        row_of = {id(entry): row for entry, row in zip(entries, rows, strict=True)}
        for old, new in pair_rules(entries, self.contents.rules):
            yield None if old is None else row_of[id(old)], new

    def _delete_rules(self, pairs: list[tuple[Rule | None, Entry | None]]) -> None:
        for row, entry in pairs:
            if row is not None and entry is None:
                _explain(row, self.reason)
                row.delete()

    def _save_names(self) -> None:
        ActionVerb.objects.exclude(name__in=self.contents.action_verbs).delete()
        known = set(ActionVerb.objects.values_list("name", flat=True))
        for name in self.contents.action_verbs:
            if self.check_all or name not in known:
                self._save(
                    f'action verb "{name}"', ActionVerb.objects.filter(name=name).first() or ActionVerb(name=name)
                )
        tags = {tag.name: tag for tag in Tag.objects.all()}
        for name, description in self.contents.tags.items():
            tag = tags.get(name) or Tag(name=name)
            if self.check_all or tag.pk is None or tag.description != description:
                tag.description = description
                self._save(f'tag "{name}"', tag)

    def _save_verbs(self, rows: dict[str, Verb], changes: list[Change]) -> None:
        changed = {change.name for change in changes if change.kind == "verb"}
        tags = {tag.name: tag for tag in Tag.objects.all()}
        for name, entry in self.contents.verbs.items():
            if name in changed:
                self._touched.add(name)
            elif not self.check_all:
                continue
            row = rows.get(name) or Verb()
            self.problems += save_verb(self.places.verb(name), row, entry, tags, self.reason, write=name in changed)

    def _save_rules(self, pairs: list[tuple[Rule | None, Entry | None]]) -> None:
        named = _Named(self.contents.rules)
        number_of = {id(entry): number for number, entry in enumerate(self.contents.rules)}
        for row, entry in sorted(pairs, key=lambda pair: number_of.get(id(pair[1]), -1)):
            if entry is None:
                continue
            is_as_it_was = row is not None and rule_text(rule_entry(row)) == rule_text(entry)
            if is_as_it_was and not self.check_all and entry["verb"] not in self._touched:
                continue
            self._save_rule(number_of[id(entry)], row or Rule(), entry, named, write=not is_as_it_was)

    def _save_rule(self, number: int, row: Rule, entry: Entry, named: "_Named", *, write: bool) -> None:
        where = self.places.rule(number, rule_title(entry))
        missing = False
        for name, value in entry.items():
            if name in named.rows and value is not None:
                related = named.rows[name].get(value)
                if related is None:
                    missing = True
                    if name in ("user", "group"):  # of verbs and tags the file has said it, or why they are not there
                        self.problems.append(Problem(f"{where}, {name}", f'there is no {name} "{value}" here.'))
                value = related
            setattr(row, name, value)
        if not missing:
            _explain(row, self.reason)
            self._save(where, row, write=write)

    def _save(self, where: str, row: models.Model, *, write: bool = True) -> None:
        try:
            # Constraints cost most, and what is in the database meets them.
            row.full_clean(validate_constraints=write)
        except ValidationError as error:
            self.problems += problems_of(where, error)
            return
        if write:
            self.problems += try_save(where, row)

    def _delete_verbs(self, verbs: list[Verb]) -> None:
        for verb in verbs:
            # With the verb its lock would go: loaded again later, it could be run.
            if Lock.objects.filter(verb=verb).exists():
                self.problems.append(
                    Problem("", f'the verb "{verb.name}" is locked: lift its lock before you take it out of the file.')
                )
            _explain(verb, self.reason)
            verb.delete()


class _Named:
    """The rows that rules name, by field and name."""

    def __init__(self, rules: list[Entry]) -> None:
        def names(field: str) -> list[str]:
            return sorted({entry[field] for entry in rules if entry[field] is not None})

        self.rows: dict[str, dict[str, Any]] = {
            "user": get_user_model().objects.in_bulk(names("user"), field_name="username"),
            "group": {group.name: group for group in Group.objects.filter(name__in=names("group"))},
            "verb": {verb.name: verb for verb in Verb.objects.filter(name__in=names("verb"))},
            "tag": {tag.name: tag for tag in Tag.objects.filter(name__in=names("tag"))},
        }


def try_save(where: str, row: models.Model) -> list[Problem]:
    """Save; what a database refuses that validation let through is a problem too."""
    try:
        with transaction.atomic():
            row.save()
    except (DatabaseError, TypeError, ValueError) as error:
        return [Problem(where, f"the database refuses it: {error}")]
    return []


def _explain(row: models.Model, reason: str) -> None:
    row._change_reason = reason  # type: ignore[attr-defined]  # what the history's row takes it from
