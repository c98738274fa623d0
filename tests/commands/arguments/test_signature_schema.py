"""Signatures as JSON Schema: a real validator takes what the verb takes."""

import json

import pytest
from jsonschema import Draft202012Validator

from commands.arguments.signature_schema import describe
from commands.models import Parameter, Signature, Verb
from commands.rulebook.snapshot import load_snapshot
from commands.verbmap import VerbEntry

pytestmark = pytest.mark.django_db


def entry(*signatures: list[dict], **fields) -> VerbEntry:
    verb = Verb.objects.create(name="v", argv=["/bin/echo"], **fields)
    for position, parameters in enumerate(signatures):
        row = Signature.objects.create(verb=verb, position=position)
        for place, parameter in enumerate(parameters):
            Parameter.objects.create(signature=row, position=place, **{"name": f"p{place}"} | parameter)
    return load_snapshot().verbs["v"]


def validator(*signatures: list[dict], **fields) -> Draft202012Validator:
    schema = describe(entry(*signatures, **fields))
    Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.mark.parametrize(
    ("parameter", "taken", "refused"),
    [
        ({"type": "word", "detail": "add"}, ["add"], ["ad", "ADD", ""]),
        ({"type": "choice", "detail": "on off"}, ["on", "off"], ["on off", ""]),
        ({"type": "email"}, ["joe@smith.com"], ["joe", "-joe@smith.com"]),
        ({"type": "integer", "detail": "-2 10"}, [0, 10], [-1, 11, "5", 1.5]),
        ({"type": "integer", "detail": "-2 10", "allow_leading_dash": True}, [-2], [-3]),
        ({"type": "integer"}, [0, 10**17], [-1]),
        ({"type": "pattern", "detail": "a|ab"}, ["a", "ab"], ["abb", "xa", ""]),
        ({"type": "pattern", "detail": "(?i)a"}, ["a"], ["-a"]),
        ({"type": "text", "max_length": 3}, ["", "abc"], ["abcd", "-a"]),
        ({"type": "text", "allow_leading_dash": True}, ["-a"], [5]),
        ({"type": "secret"}, ["-hunter2", ""], [5]),
        ({"type": "uids"}, ["1:4,7"], ["*", "", "0"]),
        ({"type": "date"}, ["2027-01-31", "today"], ["2027-02-30", "soon"]),
        ({"type": "mailbox"}, ["INBOX"], ["", "-x"]),
        ({"type": "file", "max_length": 3}, ["a\nb", ""], ["abcd", "-a"]),
        ({"type": "text", "characters": "a-c"}, ["abc", ""], ["abd", "-a"]),
        ({"type": "pattern", "detail": "a+b?", "characters": "a"}, ["aa"], ["ab", ""]),
    ],
)
def test_values_of_each_type(parameter, taken, refused):
    schema = validator([parameter])
    assert [schema.is_valid([value]) for value in taken] == [True] * len(taken)
    assert [schema.is_valid([value]) for value in refused] == [False] * len(refused)


def test_arguments_are_as_many_as_the_signature_takes():
    add, text, optional = {"type": "word", "detail": "add"}, {"type": "text"}, {"type": "text", "optional": True}
    schema = validator([add, optional, text], [text, text, text, text])
    sizes = [size for size in range(6) if schema.is_valid(["add"] * size)]
    assert sizes == [1, 3, 4]


def test_repeated_parameter_takes_as_many_as_a_command_does():
    schema = validator([{"type": "word", "detail": "add"}, {"type": "email", "repeat": True}])
    assert [size for size in range(18) if schema.is_valid(["add"] + ["a@b.example"] * size)] == list(range(1, 16))
    assert not schema.is_valid(["add", "a@b.example", "nobody"])


def test_repeated_parameter_takes_no_more_than_the_map_says():
    schema = validator([{"type": "word", "detail": "add"}, {"type": "email", "repeat": True, "max_count": 2}])
    assert [size for size in range(5) if schema.is_valid(["add"] + ["a@b.example"] * size)] == [1, 2]


def test_arguments_that_match_two_signatures_are_valid():
    assert validator([{"type": "word", "detail": "list"}], [{"type": "text"}]).is_valid(["list"])


def test_verb_without_signatures_takes_the_empty_array():
    schema = validator()
    assert schema.is_valid([]) and not schema.is_valid(["x"])


def test_client_is_told_what_it_needs_to_draw_a_form():
    schema = describe(
        entry(
            [{"type": "secret", "name": "old"}], description="Changes it.", mode=Verb.Mode.INTERACTIVE, takes_input=True
        )
    )
    assert (schema["title"], schema["description"], schema["mode"]) == ("v", "Changes it.", "interactive")
    assert schema["takes_input"] is True
    (signature,) = schema["anyOf"]
    assert signature["title"] == "OLD"
    assert signature["prefixItems"] == [
        {"title": "old", "type": "string", "maxLength": 1024, "format": "password", "writeOnly": True}
    ]
