"""Why arguments are not what a signature takes: said just where they are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.arguments.mismatch import mismatch
from commands.arguments.parameter import Parameter, ParameterType
from commands.arguments.signature import Signature

ADD = Parameter("action", ParameterType.WORD, "add")
ADDRESS = Parameter("address", ParameterType.EMAIL)
COMMENT = Parameter("comment", ParameterType.TEXT, optional=True)


def one(kind: ParameterType, detail: str = "", **fields) -> Signature:
    return Signature((Parameter("it", kind, detail, **fields),))


@pytest.mark.parametrize(
    ("signature", "arguments", "reason"),
    [
        (Signature((ADD, ADDRESS)), [b"add"], "ADDRESS is missing"),
        (Signature((ADD, ADDRESS)), [b"add", b"a@b.c", b"d"], "argument 3 is one too many"),
        (Signature((ADD, ADDRESS)), [b"remove", b"a@b.c"], "argument 1 is not the word add"),
        (Signature((ADD, ADDRESS)), [b"add", b"joe"], "argument 2 (ADDRESS) is no e-mail address"),
        (Signature((ADD, ADDRESS)), [b"add", b"-x@b.c"], "argument 2 (ADDRESS) begins with -"),
        (Signature(()), [b"x"], "argument 1 is one too many"),
        (one(ParameterType.CHOICE, "on off"), [b"up"], "argument 1 is none of on, off"),
        (one(ParameterType.INTEGER, "1 9"), [b"10"], "is no integer from 1 to 9"),
        (one(ParameterType.INTEGER), [b"x"], "is no integer"),
        (one(ParameterType.TEXT), [b"a\0"], "holds a NUL"),
        (one(ParameterType.TEXT), [b"a\n"], "holds a control character"),
        (one(ParameterType.TEXT), [b"\xff"], "is no UTF-8"),
        (one(ParameterType.TEXT, characters="a-z"), [b"A"], "holds others than the characters a-z"),
        (one(ParameterType.TEXT, max_length=2), [b"abc"], "has 3 bytes, and 2 are the most"),
        (one(ParameterType.TEXT, repeat=True, max_count=2), [b"a", b"b", b"c"], "IT... may be given 2 times at most"),
        (one(ParameterType.PATTERN, "[a-z]+"), [b"a1"], "does not match the expression"),
        (one(ParameterType.UIDS), [b"x"], "is no set of messages"),
        (one(ParameterType.DATE), [b"2025-02-30"], "is no date"),
    ],
)
def test_reason_names_the_argument_and_what_was_expected(signature: Signature, arguments: list[bytes], reason: str):
    assert reason in mismatch(signature, arguments)


PARAMETERS = st.builds(
    Parameter,
    name=st.just("it"),
    type=st.sampled_from(ParameterType),
    detail=st.sampled_from(["", "a", "a b", "1 9", "[a-z]*"]),
    optional=st.booleans(),
    max_length=st.sampled_from([0, 2, 1024]),
    allow_leading_dash=st.booleans(),
    repeat=st.booleans(),
    max_count=st.integers(1, 3),
    characters=st.sampled_from(["", "a-z", "["]),
)
ARGUMENTS = st.sampled_from([b"a", b"-a", b"", b"7", b"a@b.c", b"\xff", b"a\0", b"\n", b"today", b"1:4"]) | st.binary()


@given(st.lists(PARAMETERS, max_size=3).map(tuple), st.lists(ARGUMENTS, max_size=5))
def test_reason_is_given_just_where_the_signature_does_not_match(
    parameters: tuple[Parameter, ...], arguments: list[bytes]
):
    signature = Signature(parameters)
    assert bool(mismatch(signature, arguments)) == (signature.match(arguments) is None)
