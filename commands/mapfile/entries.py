"""What the file holds, as plain values: `Contents`, which both a file and the database can be read into."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from commands.mapfile.parameters import plain_signatures
from commands.mapfile.plain import Entry, default_value, plain
from commands.models import ActionVerb, Lock, Rule, Tag, Verb
from commands.rulebook.rule_check import check_rule

VERB_FIELDS = tuple(each.name for each in Verb._meta.fields if each.name != "id")
# Whom, what, how it decides, why; then the rest as the model has it.
_FIRST = ("effect", "user", "group", "domain", "everyone", "verb", "tag", "all_verbs", "reason")
RULE_FIELDS = (*_FIRST, *(each.name for each in Rule._meta.fields if each.name not in (*_FIRST, "id")))

# Of rules that leave one of these alike, one became the other.
RULE_IDENTITY = ("effect", "user", "group", "domain", "everyone", "verb", "tag", "all_verbs")

# What is known of each kind of row, in the order in which it is shown.
FIELDS: dict[str, tuple[str, ...]] = {
    "verb": (*VERB_FIELDS, "tags", "signatures"),
    "rule": RULE_FIELDS,
    "lock": tuple(each.name for each in Lock._meta.fields if each.editable and each.name != "id"),
    "tag": ("name", "description"),
    "action verb": ("name",),
}
MODELS: dict[str, type[Verb | Rule | Lock | Tag | ActionVerb]] = {
    "verb": Verb,
    "rule": Rule,
    "lock": Lock,
    "tag": Tag,
    "action verb": ActionVerb,
}


def default_of(kind: str, name: str) -> Any:
    """What a field is that is not given."""
    return [] if name in ("tags", "signatures") else default_value(MODELS[kind], name)


@dataclass(slots=True)
class Contents:
    """Every entry has all its fields, those that are as by default too. Verbs are by name, tags have descriptions."""

    action_verbs: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    verbs: dict[str, Entry] = field(default_factory=dict)
    rules: list[Entry] = field(default_factory=list)


def verb_entry(verb: Verb) -> Entry:
    """All fields of a verb, the names of its tags and its signatures."""
    return {
        **plain(verb, VERB_FIELDS),
        "tags": sorted(tag.name for tag in verb.tags.all()),
        "signatures": plain_signatures(verb.signatures.all()),
    }


def rule_entry(rule: Rule) -> Entry:
    return plain(rule, RULE_FIELDS)


def settled(entry: Entry) -> Entry:
    """The entry in the form in which the model keeps it, as far as it can be: what is wrong with it is said later."""
    own = {name: entry[name] for name in RULE_FIELDS if not Rule._meta.get_field(name).is_relation}
    rule = Rule(**own)
    with suppress(ValidationError):
        check_rule(rule)
    return entry | plain(rule, tuple(own))


def rule_title(entry: Entry) -> str:
    """`allow user ann: calendar`, as the rule's own text; also of one that makes no sense."""
    subjects = [f"{name} {entry[name]}" for name in ("user", "group", "domain") if entry[name]]
    subjects += ["everyone"] * bool(entry["everyone"])
    verbs = [str(entry["verb"])] * bool(entry["verb"]) + [f"verbs tagged {entry['tag']}"] * bool(entry["tag"])
    verbs += ["all verbs"] * bool(entry["all_verbs"])
    return f"{entry['effect']} {' and '.join(subjects) or 'nobody'}: {' and '.join(verbs) or 'nothing'}"


def read_contents() -> Contents:
    """What the database holds now, by a fixed number of queries."""
    return contents_of(verb_rows(), rule_rows())


def contents_of(verbs: Iterable[Verb], rules: Iterable[Rule]) -> Contents:
    return Contents(
        action_verbs=sorted(ActionVerb.objects.values_list("name", flat=True)),
        tags=dict(sorted(Tag.objects.values_list("name", "description"))),
        verbs={verb.name: verb_entry(verb) for verb in sorted(verbs, key=lambda verb: verb.name)},
        rules=[rule_entry(rule) for rule in rules],
    )


def verb_rows() -> list[Verb]:
    return list(Verb.objects.prefetch_related("signatures__parameters", "tags"))


def rule_rows() -> list[Rule]:
    return list(Rule.objects.select_related("user", "group", "verb", "tag"))
