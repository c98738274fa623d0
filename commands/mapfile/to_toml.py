"""Contents as text: what differs from the default alone, in an order that depends on nothing but the contents."""

from collections.abc import Iterator, Mapping
from typing import Any

import tomli_w

from commands.mapfile.entries import FIELDS, Contents, default_of
from commands.mapfile.parameters import PlainSignature
from commands.mapfile.plain import Entry

VERSION = 1
HEAD = f"""\
# Verbs and who may run them. To read, and to load again: manage.py map check|diff|load. Locks are not in it.
version = {VERSION}
"""
WIDTH = 110  # what fits stays in one line


def to_toml(contents: Contents) -> str:
    parts = [HEAD]
    if contents.action_verbs:
        parts.append(_line("action_verbs", sorted(contents.action_verbs)))
    if contents.tags:
        tags = "".join(_line(name, description) for name, description in sorted(contents.tags.items()))
        parts.append(f"\n[tags]\n{tags}")
    parts += [f"\n[[verb]]\n{verb_text(contents.verbs[name])}" for name in sorted(contents.verbs)]
    parts += [f"\n[[rule]]\n{text}" for text in sorted(map(rule_text, contents.rules), key=_subject_first)]
    return "".join(parts)


def verb_text(entry: Entry) -> str:
    """A line or more for each field, without the head."""
    return "".join(
        _signatures(entry[name]) if name == "signatures" else _line(name, entry[name])
        for name in FIELDS["verb"]
        if name == "name" or entry[name] != default_of("verb", name)
    )


def rule_text(entry: Entry) -> str:
    """As `verb_text`; two rules of the same text are the same."""
    return "".join(_line(name, entry[name]) for name in FIELDS["rule"] if _says(entry, name))


def value_text(value: Any) -> str:
    """A value as it stands in the file, in one line: `"text"`, `30`, `["a", "b"]`, `{ A = "b" }`."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, Mapping):
        pairs = (f"{_key(name)} = {value_text(each)}" for name, each in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, str) and value.isprintable() and "\\" in value and "'" not in value:
        return f"'{value}'"  # as it is: an expression with each backslash doubled is hard to read
    return _visible(tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n"))


def signature_text(signature: PlainSignature) -> str:
    return value_text(signature)


def _says(entry: Entry, name: str) -> bool:
    # Whether it allows or denies is what a reader looks for first, so it stands there always.
    return name == "effect" or entry[name] != default_of("rule", name)


def _subject_first(text: str) -> tuple[str, str]:
    effect, _, rest = text.partition("\n")
    return rest, effect


def _line(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        value = dict(sorted(value.items()))  # PostgreSQL keeps no order of them
    line = f"{_key(name)} = {value_text(value)}\n"
    if isinstance(value, list) and len(line) > WIDTH:
        return f"{_key(name)} = [\n{''.join(_indented(map(value_text, value)))}]\n"
    return line


def _signatures(signatures: list[PlainSignature]) -> str:
    """One in a line: that is how they are read, and what a reviewer compares."""
    return f"signatures = [\n{''.join(_indented(map(signature_text, signatures)))}]\n"


def _indented(items: Iterator[str]) -> Iterator[str]:
    return (f"    {item},\n" for item in items)


def _visible(text: str) -> str:
    """With an escape for what a reviewer would not see, or see in the wrong order."""
    escapes = (each if each.isprintable() else f"\\U{ord(each):08x}" for each in text)
    return text if text.isprintable() else "".join(escapes)


def _key(name: str) -> str:
    return tomli_w.dumps({name: 0}).removesuffix(" = 0\n")
