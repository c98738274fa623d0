"""What differs between two contents of a map, as lines with +, - or ~ before them. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from commands.mapfile.entries import FIELDS, RULE_IDENTITY, Contents, default_of, rule_title
from commands.mapfile.parameters import PlainSignature
from commands.mapfile.plain import Entry
from commands.mapfile.to_toml import rule_text, signature_text, value_text

Pair = tuple[Entry | None, Entry | None]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is added (no `before`), deleted (no `after`) or changed. `name` says which."""

    kind: str  # action verb, tag, verb, rule
    name: str
    before: Entry | None
    after: Entry | None

    @property
    def sign(self) -> str:
        return "+" if self.before is None else "-" if self.after is None else "~"

    def lines(self) -> Iterator[str]:
        """One for each field that is not as it was."""
        head = f"{self.sign} {self.kind} {self.name}"
        fields = [] if self.after is None else list(self.fields())
        yield from (f"{head}: {text}" for text in fields) if fields else [head]

    def fields(self) -> Iterator[str]:
        """`time_limit: 30 → 60`, `description: "Dials."`; signatures are added and taken away as they are."""
        told_by_name = RULE_IDENTITY if self.kind == "rule" else ()
        return field_changes(self.kind, self.before, self.after, but=told_by_name)


def compare(before: Contents, after: Contents) -> list[Change]:
    """All that would have to be done to `before`, in an order in which it can be read."""
    changes = [
        *_named("action verb", dict.fromkeys(before.action_verbs, ""), dict.fromkeys(after.action_verbs, "")),
        *_named("tag", before.tags, after.tags),
    ]
    for name in sorted(before.verbs.keys() | after.verbs.keys()):
        old, new = before.verbs.get(name), after.verbs.get(name)
        if old != new:
            changes.append(Change("verb", name, old, new))
    for old, new in pair_rules(before.rules, after.rules):
        if old is None or new is None or rule_text(old) != rule_text(new):
            changes.append(Change("rule", rule_title(new or old or {}), old, new))
    return changes


def pair_rules(before: Iterable[Entry], after: Iterable[Entry]) -> Iterator[Pair]:
    """Each rule with what it becomes: those that stay as they are, then those of the same for the same."""
    left, right = list(before), list(after)
    for identity in (rule_text, _identity):
        waiting: defaultdict[object, list[Entry]] = defaultdict(list)
        for entry in left:
            waiting[identity(entry)].append(entry)
        rest = []
        for entry in right:
            same = waiting[identity(entry)]
            if same:
                yield same.pop(0), entry
            else:
                rest.append(entry)
        left, right = [entry for entries in waiting.values() for entry in entries], rest
    yield from ((entry, None) for entry in left)
    yield from ((None, entry) for entry in right)


def field_changes(
    kind: str, before: Entry | None, after: Entry | None, *, but: Sequence[str] = (), hide_values_of: str = ""
) -> Iterator[str]:
    """What differs between two entries of a kind, field by field. None: there is none, as if all were by default.

    Fields in `but` are left out; of the table that is named in `hide_values_of` names alone are told.
    """
    for name in FIELDS[kind]:
        if name == "name" or name in but:
            continue
        default = default_of(kind, name)
        old = default if before is None else before[name]
        new = default if after is None else after[name]
        if old == new:
            continue
        if name == "signatures":
            yield from (f"signature {text}" for text in signature_changes(old, new))
        elif name == hide_values_of:
            yield f"{name}: {_changed_names(old, new)}"
        else:
            yield f"{name}: {_shown(new)}" if before is None else f"{name}: {_shown(old)} → {_shown(new)}"


def signature_changes(before: list[PlainSignature], after: list[PlainSignature]) -> Iterator[str]:
    """Those taken away, those added; that alone their order changed, if it did."""
    old, new = list(map(signature_text, before)), list(map(signature_text, after))
    yield from (f"- {text}" for text in old if text not in new)
    yield from (f"+ {text}" for text in new if text not in old)
    if old != new and sorted(old) == sorted(new):
        yield "order changed"


def _named(kind: str, before: dict[str, str], after: dict[str, str]) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            old, new = ({"description": each[name]} if name in each else None for each in (before, after))
            yield Change(kind, name, old, new)


def _identity(entry: Entry) -> tuple[object, ...]:
    return tuple(entry[name] for name in RULE_IDENTITY)


def _shown(value: object) -> str:
    return "nothing" if value is None or value in ("", [], {}) else value_text(value)


def _changed_names(before: Entry, after: Entry) -> str:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return ", ".join(f"{'+' if name not in before else '-' if name not in after else '~'} {name}" for name in names)
