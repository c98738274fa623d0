"""A file as contents: its syntax, its keys and the kinds of its values. The database is not asked."""

import datetime
import re
import tomllib
from difflib import get_close_matches
from typing import Any

from django.db import models

from commands.mapfile.entries import FIELDS, RULE_FIELDS, VERB_FIELDS, Contents, default_of, rule_title, settled
from commands.mapfile.parameters import ALWAYS, PlainSignature, parameter_entry, parameter_fields, shortened
from commands.mapfile.plain import Entry, default_value
from commands.mapfile.problems import MapFileError, Problem
from commands.mapfile.to_toml import VERSION
from commands.mapfile.values import fault, is_text, names_fault
from commands.models import Parameter, Rule, Verb

KEYS = ("version", "action_verbs", "tags", "verb", "rule")
HEADER = re.compile(r"^[ \t]*\[\[[ \t]*(verb|rule)[ \t]*\]\]", re.MULTILINE)
PARAMETER_FIELDS = parameter_fields(Parameter)


def parse(text: str | bytes) -> tuple["Places", Contents, list[Problem]]:
    """Read a file as far as it can be read, with all that is wrong in it.

    MapFileError: nothing of it can be read, since it is no TOML, empty, or of another version.
    """
    text = decoded(text)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOMLDecodeError alone: a number may have too many digits
        raise MapFileError([Problem("", f"This is no TOML: {error}.")]) from error
    if not document:
        raise MapFileError([Problem("", "The file is empty: loaded, it would take the whole map away.")])
    if document.get("version") != VERSION or isinstance(document["version"], bool):
        raise MapFileError([Problem("version", f"expected version = {VERSION}: of others this server knows nothing.")])
    return _Reader(document, Places(text)).read()


class Places:
    """Where in the file each verb and rule stands, counted from 0."""

    def __init__(self, text: str) -> None:
        self._lines: dict[str, list[int]] = {"verb": [], "rule": []}
        line, place = 1, 0
        for header in HEADER.finditer(text):
            line, place = line + text.count("\n", place, header.start()), header.start()
            self._lines[header[1]].append(line)
        self._numbers: dict[str, int] = {}  # of verbs

    def expect(self, kind: str, count: int) -> None:
        """Forget the lines where they are not those of the entries: a header may stand in a text, too."""
        if len(self._lines[kind]) != count:
            self._lines[kind] = []

    def add_verb(self, number: int, name: str) -> str:
        self._numbers.setdefault(name, number)
        return self._with_line(f'verb "{name}"' if name else f"verb {number + 1}", "verb", number)

    def verb(self, name: str) -> str:
        return self._with_line(f'verb "{name}"', "verb", self._numbers[name])

    def rule(self, number: int, title: str = "") -> str:
        return self._with_line(f'rule "{title}"' if title else f"rule {number + 1}", "rule", number)

    def _with_line(self, text: str, kind: str, number: int) -> str:
        lines = self._lines[kind]
        return f"{text} (line {lines[number]})" if number < len(lines) else text


class _Reader:
    def __init__(self, document: dict[str, Any], places: Places) -> None:
        self.document, self.places = document, places
        self.contents, self.problems = Contents(), list[Problem]()

    def read(self) -> tuple[Places, Contents, list[Problem]]:
        self._refuse_unknown("", self.document, KEYS)
        self._read_names()
        for kind, read in (("verb", self._read_verb), ("rule", self._read_rule)):
            tables = self.document.get(kind, [])
            if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
                self._say(kind, f"expected tables, each under a line [[{kind}]].")
                continue
            self.places.expect(kind, len(tables))
            for number, table in enumerate(tables):
                read(number, table)
        return self.places, self.contents, self.problems

    def _read_names(self) -> None:
        action_verbs = self.document.get("action_verbs", [])
        if text := names_fault(action_verbs):
            self._say("action_verbs", text)
        else:
            self.contents.action_verbs = sorted(set(action_verbs))
        tags = self.document.get("tags", {})
        if not isinstance(tags, dict) or not all(map(is_text, (*tags, *tags.values()))):
            self._say("tags", 'expected lines like lists = "what these verbs have in common".')
        else:
            self.contents.tags = dict(sorted(tags.items()))

    def _read_verb(self, number: int, table: Entry) -> None:
        name = table.get("name")
        where = self.places.add_verb(number, name if isinstance(name, str) else "")
        self._refuse_unknown(where, table, FIELDS["verb"])
        entry: Entry = {each: self._value(where, Verb, table, each, default_of("verb", each)) for each in VERB_FIELDS}
        entry["tags"] = self._tags(where, table.get("tags", []))
        entry["signatures"] = self._signatures(where, table.get("signatures", []))
        if not isinstance(name, str) or not name:
            self._say(where, "a verb needs its name.")
        elif name in self.contents.verbs:
            self._say(where, "there are two verbs of this name.")
        else:
            self.contents.verbs[name] = entry

    def _tags(self, where: str, tags: Any) -> list[str]:
        if text := names_fault(tags):
            self._say(f"{where}, tags", text)
            return []
        for tag in tags:
            if tag not in self.contents.tags:
                self._say(f"{where}, tags", f'there is no tag "{tag}" under [tags].')
        return sorted(set(tags) & set(self.contents.tags))

    def _signatures(self, where: str, signatures: Any) -> list[PlainSignature]:
        if not isinstance(signatures, list) or not all(isinstance(each, list) for each in signatures):
            self._say(f"{where}, signatures", "expected a list of lists of parameters.")
            return []
        return [
            [
                parameter
                for place, given in enumerate(signature)
                if (parameter := self._parameter(f"{where}, signature {number + 1}, parameter {place + 1}", given))
            ]
            for number, signature in enumerate(signatures)
        ]

    def _parameter(self, where: str, given: Any) -> Any:
        if not isinstance(given, (str, dict)):
            self._say(where, 'expected a word like "add", or a table like { name = "address", type = "email" }.')
            return None
        table = parameter_entry(given)
        self._refuse_unknown(where, table, PARAMETER_FIELDS)
        defaults = {each: default_value(Parameter, each) for each in PARAMETER_FIELDS}
        entry = {each: self._value(where, Parameter, table, each, default) for each, default in defaults.items()}
        return shortened({each: value for each, value in entry.items() if each in ALWAYS or value != defaults[each]})

    def _read_rule(self, number: int, table: Entry) -> None:
        where = self.places.rule(number)
        entry: Entry = {each: self._value(where, Rule, table, each, default_of("rule", each)) for each in RULE_FIELDS}
        where = self.places.rule(number, rule_title(entry))
        self._refuse_unknown(where, table, RULE_FIELDS)
        if "effect" not in table:  # by default it would allow
            self._say(where, f"a rule needs its effect: {', '.join(Rule.Effect.values)}.")
        verb, tag = entry["verb"], entry["tag"]
        if verb is not None and verb not in self.contents.verbs:
            self._say(f"{where}, verb", f'there is no verb "{verb}" in this file.')
        if tag is not None and tag not in self.contents.tags:
            self._say(f"{where}, tag", f'there is no tag "{tag}" under [tags].')
        self.contents.rules.append(settled(entry))

    def _value(self, where: str, model: type[models.Model], table: Entry, name: str, default: Any) -> Any:
        if name not in table:
            return default
        if text := fault(model._meta.get_field(name), table[name]):
            self._say(f"{where}, {name}", text)
            return default
        value = table[name]
        return value.astimezone(datetime.UTC) if isinstance(value, datetime.datetime) else value

    def _refuse_unknown(self, where: str, table: Entry, known: tuple[str, ...]) -> None:
        for name in table:
            if name not in known:
                like = get_close_matches(name, known, 1)
                hint = f"Did you mean {like[0]}?" if like else f"There are: {', '.join(known)}."
                self._say(where, f"the key {name} is not known. {hint}")

    def _say(self, where: str, text: str) -> None:
        self.problems.append(Problem(where, text))


def decoded(text: str | bytes) -> str:
    """Raises MapFileError."""
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MapFileError([Problem("", f"This is no UTF-8: byte {error.start} is none.")]) from error
