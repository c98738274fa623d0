"""A verb's signatures as JSON Schema 2020-12, so that a client can draw a form and check what is filled in. Pure."""

import re
from typing import Any

from commands.arguments.parameter import DAYS, Parameter, ParameterType, bounds
from commands.arguments.signature import MAX_ARGUMENTS, Signature
from commands.verbmap import VerbEntry

Schema = dict[str, Any]  # JSON

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NO_DASH = "^(?!-)"


def describe(verb: VerbEntry) -> Schema:
    """The arguments as an array, integers as numbers; the message of a verb that takes input is none of them.

    `anyOf`, not `oneOf`: where two signatures match, the first one counts. What they take the schema takes; where it
    can't say all (lengths are in bytes, expressions are RE2's) it may take a little more.
    """
    return {
        "$schema": DIALECT,
        "title": verb.name,
        "description": verb.description,
        "mode": verb.mode,
        "takes_input": verb.takes_input,
        "anyOf": [_array(each) for each in verb.signatures or (Signature(()),)],
    }


def _array(signature: Signature) -> Schema:
    parameters = signature.parameters
    count = len(parameters)
    lengths = [size for size in range(count + 1) if size == count or parameters[size].optional]
    repeat = bool(parameters) and parameters[-1].repeat
    schema: Schema = {
        "title": signature.usage or "(no arguments)",
        "type": "array",
        "minItems": lengths[0],
        "maxItems": min(MAX_ARGUMENTS, count - 1 + parameters[-1].max_count) if repeat else count,
        "items": _value(parameters[-1]) if repeat else False,
    }
    if parameters:
        schema["prefixItems"] = [_value(each) for each in parameters]
    if lengths != list(range(lengths[0], count + 1)):  # some can be left out together only
        schema["anyOf"] = [{"minItems": size, "maxItems": size} for size in lengths[:-1]] + [{"minItems": count}]
    return schema


def _value(parameter: Parameter) -> Schema:
    characters = f"^[{parameter.characters}]*$"
    only = {"allOf": [{"pattern": characters}]} if parameter.characters and _compiles(characters) else {}
    return {"title": parameter.name} | _of_type(parameter) | only


def _of_type(parameter: Parameter) -> Schema:
    dash = {} if parameter.allow_leading_dash else {"pattern": _NO_DASH}
    text: Schema = {"type": "string", "maxLength": parameter.max_length}
    match parameter.type:
        case ParameterType.WORD:
            return {"const": parameter.detail}
        case ParameterType.CHOICE:
            return {"enum": parameter.detail.split()}
        case ParameterType.EMAIL:
            return text | dash | {"format": "email"}
        case ParameterType.INTEGER:
            return {"type": "integer"} | _range(parameter)
        case ParameterType.PATTERN:
            return text | dash | _pattern(parameter)
        case ParameterType.SECRET:
            return text | {"format": "password", "writeOnly": True}
        case ParameterType.UIDS:
            return text | {"pattern": "^[1-9][0-9]*(:[1-9][0-9]*)?(,[1-9][0-9]*(:[1-9][0-9]*)?)*$"}
        case ParameterType.DATE:
            return {"type": "string", "anyOf": [{"format": "date"}, {"enum": list(DAYS)}]}
        case ParameterType.MAILBOX:
            return text | dash | {"minLength": 1}
        case ParameterType.TEXT | ParameterType.FILE:
            return text | dash


def _range(parameter: Parameter) -> Schema:
    allowed = bounds(parameter.detail)
    if allowed is None:
        return {"not": {}}  # nothing matches
    least = allowed[0] if parameter.allow_leading_dash else max(allowed[0], 0)
    return {"minimum": least, "maximum": allowed[-1]}


def _pattern(parameter: Parameter) -> Schema:
    """Matched whole. One that can't stand inside another expression (flags at its start) is left out."""
    whole = f"{'^' if parameter.allow_leading_dash else _NO_DASH}(?:{parameter.detail})$"
    return {"pattern": whole} if _compiles(whole) else {}


def _compiles(expression: str) -> bool:
    """Whether others than RE2 know it too: Python's is as near as can be had here to ECMAScript's."""
    try:
        re.compile(expression)
    except (re.error, OverflowError, RecursionError):
        return False
    return True
