"""Tokens of RFC 3501 section 9, octet by octet."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapserver.wire.exceptions import BadSyntax
from imapserver.wire.syntax import ASTRING_ATOM, ATOM, TAG, Literal, Scanner, quote
from tests.support.wire import THOROUGH

EVERY_OCTET = [bytes([octet]) for octet in range(256)]
ATOM_SPECIALS = set(b'(){ %*"\\]') | set(range(32)) | set(range(127, 256))
"""RFC 3501: atom-specials; and what is no CHAR."""


@pytest.mark.parametrize(
    ("token", "refused"),
    [
        (ATOM, ATOM_SPECIALS),
        (ASTRING_ATOM, ATOM_SPECIALS - set(b"]")),
        (TAG, (ATOM_SPECIALS - set(b"]")) | set(b"+")),
    ],
    ids=["atom", "astring", "tag"],
)
def test_token_takes_the_octets_of_its_grammar_and_no_others(token, refused):
    assert {octet[0] for octet in EVERY_OCTET if not token.fullmatch(octet)} == refused
    assert not token.fullmatch(b"")


def test_quoted_string_takes_the_octets_of_its_grammar_and_no_others():
    taken = set()
    for octet in EVERY_OCTET:
        scanner = Scanner((b'"a' + octet + b'b"',))
        try:
            if scanner.quoted() == b"a" + octet + b"b":
                taken.add(octet[0])
        except BadSyntax:
            pass
    assert taken == set(range(128)) - set(b'\0\r\n"\\')


@pytest.mark.parametrize(
    ("text", "value"), [(b'""', b""), (b'"\\""', b'"'), (b'"\\\\"', b"\\"), (b'"\\\\\\""', b'\\"'), (b'"{5}"', b"{5}")]
)
def test_quoted_string_loses_its_backslashes(text, value):
    assert Scanner((text,)).quoted() == value


@pytest.mark.parametrize("text", [b'"', b'"a', b'"\\', b'"\\"', b'"\\a"', b'"\\\0"', b'"\\\xff"', b"a", b"", b' "a"'])
def test_malformed_quoted_string_is_refused(text):
    with pytest.raises(BadSyntax):
        Scanner((text,)).quoted()


@settings(THOROUGH, max_examples=100)
@given(st.text(st.characters(max_codepoint=127, exclude_characters="\r\n\0")).map(str.encode))
def test_what_quote_writes_is_read_back(value):
    scanner = Scanner((quote(value),))
    assert scanner.quoted() == value
    scanner.end()


@pytest.mark.parametrize(
    ("fragments", "value"),
    [
        ((b"atom",), b"atom"),
        ((b"a]b",), b"a]b"),
        ((b"NIL",), b"NIL"),
        ((b'"quoted"',), b"quoted"),
        ((b'""',), b""),
        ((b"", Literal(b"\r\n \xff"), b""), b"\r\n \xff"),
        ((b"", Literal(b""), b""), b""),
    ],
)
def test_astring_is_an_atom_a_quoted_string_or_a_literal(fragments, value):
    scanner = Scanner(fragments)
    assert scanner.astring() == value
    scanner.end()


@pytest.mark.parametrize(
    "fragments",
    [
        (),
        (b"",),
        (b"(",),
        (b")",),
        (b"{5",),
        (b"*",),
        (b"%",),
        (b"\xc3\xa4",),
        (b"", Literal(b"a\0b"), b""),
        (b"", Literal(b"\0", binary=True), b""),
        (b"", Literal(b"a", binary=True), b""),
        (b" ", Literal(b"a"), b""),
    ],
)
def test_anything_else_is_no_astring(fragments):
    with pytest.raises(BadSyntax):
        Scanner(fragments).astring()


def test_literal8_is_read_only_where_it_is_allowed():
    fragments = (b"", Literal(b"a", binary=True), b"")
    assert Scanner(fragments).astring(binary_allowed=True) == b"a"
    with pytest.raises(BadSyntax, match="literal8"):
        Scanner(fragments).string()


def test_nul_is_refused_in_a_literal8_too():
    with pytest.raises(BadSyntax, match="NUL"):
        Scanner((b"", Literal(b"\0", binary=True), b"")).astring(binary_allowed=True)


def test_tokens_are_read_in_turn_over_text_and_literals():
    scanner = Scanner((b' a "b" ', Literal(b"c"), b" (D) ", Literal(b""), b""))
    got = []
    for read in (scanner.atom, scanner.quoted, scanner.literal, scanner.parenthesized_atom):
        assert not scanner.at_end()
        scanner.space()
        got.append(read())
    scanner.space()
    got.append(scanner.string())
    scanner.end()
    assert got == [b"a", b"b", b"c", b"D", b""]


@pytest.mark.parametrize("text", [b"ab", b'a"b"', b"a(b)", b"a  b", b"a\tb", b'"a""b"', b"a ", b" a"])
def test_arguments_are_parted_by_one_space(text):
    scanner = Scanner((text,))
    with pytest.raises(BadSyntax):
        for _ in range(2):
            scanner.astring()
            if not scanner.at_end():
                scanner.space()


def test_literal_is_not_read_before_the_text_in_front_of_it():
    scanner = Scanner((b"a", Literal(b"b"), b""))
    for read in (scanner.literal, scanner.end, scanner.space):
        with pytest.raises(BadSyntax):
            read()
    assert scanner.atom() == b"a"
    assert not scanner.at_end()
    with pytest.raises(BadSyntax):
        scanner.space()
    assert scanner.literal() == b"b"


@pytest.mark.parametrize("text", [b"", b"A", b"(", b"()", b"(A", b"(A B)", b"((A))", b'("A")', b"( A)", b"(" * 10_000])
def test_parenthesized_atom_is_one_atom_in_one_pair(text):
    with pytest.raises(BadSyntax):
        Scanner((text,)).parenthesized_atom()


fragments = st.lists(
    st.one_of(st.text('a "\\(){}\0\r\n', max_size=8).map(str.encode), st.binary(max_size=4).map(Literal)), max_size=5
)
METHODS = ("atom", "quoted", "literal", "string", "astring", "space", "parenthesized_atom", "end", "at_end", "peek")


@settings(THOROUGH, max_examples=100)
@given(fragments, st.lists(st.sampled_from(METHODS), max_size=12))
def test_scanner_raises_nothing_but_bad_syntax(fragments, methods):
    scanner = Scanner(fragments)
    for method in methods:
        try:
            getattr(scanner, method)()
        except BadSyntax:
            pass
