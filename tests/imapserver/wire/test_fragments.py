"""Framing: where a line ends, and whether a literal follows it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapserver.wire.exceptions import BadSyntax, Violation
from imapserver.wire.fragments import Announcement, Lines, announcement, check_octets
from tests.support.wire import THOROUGH, cuttings

LIMIT = 10


def taken(chunks) -> list[bytes | str]:
    """The lines of `chunks`; a Violation, which is the last thing that comes, as its text."""
    lines, got = Lines(), []
    for chunk in chunks:
        lines.feed(chunk)
        try:
            while (line := lines.take_line(LIMIT)) is not None:
                got.append(line)
        except Violation as violation:
            return [*got, str(violation)]
    return got


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", []),
        (b"a\r", []),
        (b"a\r\n", [b"a"]),
        (b"\r\n\r\nb\r\nc", [b"", b"", b"b"]),
        (b"0123456789\r\n", [b"0123456789"]),
        (b"a\rb\r\n", [b"a\rb"]),
        (b"a\r\r\n", [b"a\r"]),
        (b"x\r\n0123456789a\r\n", [b"x", "line too long"]),
        (b"0123456789a\n", ["a line must end in CRLF"]),
        (b"0123456789ab", ["line too long"]),
        (b"0123456789ab\n", ["line too long"]),
        (b"a\nb\r\n", ["a line must end in CRLF"]),
        (b"\n", ["a line must end in CRLF"]),
        (b"x\r\n\n\r", [b"x", "a line must end in CRLF"]),
        (b"a\n0123456789abcdef\r\n", ["a line must end in CRLF"]),
    ],
)
def test_line_ends_in_crlf_and_in_nothing_else_however_it_is_cut(data, lines):
    assert taken([data]) == lines
    for chunks in cuttings(data):
        assert taken(chunks) == lines


@settings(THOROUGH, max_examples=100)
@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"01234567"]), max_size=8).map(b"".join))
def test_lines_are_the_same_however_they_are_cut(data):
    for chunks in cuttings(data):
        assert taken(chunks) == taken([data])


def test_octets_are_taken_between_lines_as_they_are():
    lines = Lines()
    lines.feed(b"a {4}\r\n\r\n\0\nb\r\n")
    assert lines.take_line(LIMIT) == b"a {4}"
    assert lines.take_octets(4) == b"\r\n\0\n"
    assert lines.take_octets(0) == b""
    assert lines.take_line(LIMIT) == b"b"
    assert (len(lines), lines.take_octets(5), lines.take_line(LIMIT)) == (0, b"", None)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (b"a APPEND x {5}", Announcement(5, synchronizing=True, binary=False)),
        (b"a APPEND x {5+}", Announcement(5, synchronizing=False, binary=False)),
        (b"a APPEND x ~{0}", Announcement(0, synchronizing=True, binary=True)),
        (b"a X (~{4294967295+}", Announcement(2**32 - 1, synchronizing=False, binary=True)),
        (b' "\\"" {10}', Announcement(10, synchronizing=True, binary=False)),
        (b'a X "{5}" y', None),
        (b'a X "\\\\{5+}" ""', None),
        (b"a X y}", None),
        (b"a X 5+}", None),
        (b"", None),
    ],
)
def test_literal_is_announced_at_the_end_of_a_line_outside_of_quotes(line, wanted):
    assert announcement(line) == wanted


@pytest.mark.parametrize(
    "line",
    [
        b"{5}",
        b"~{5}",
        b"a{5}",
        b"a ~~{5}",
        b"a )~{5}",
        b"a {4294967296}",
        b"a {05}",
        b'a "{5}',
        b'a "x" {5} "',
        b"a {5} ",
        b"a \r",
    ],
)
def test_line_that_could_be_cut_in_two_ways_is_bad(line):
    with pytest.raises(BadSyntax):
        announcement(line)


@pytest.mark.parametrize(
    "line", [b"{5+}", b"a{5+}", b"a {4294967296+}", b"a {05+}", b'a "{5+}', b"a {+}", b"\0 {5+}", b"\r {5+}"]
)
def test_line_behind_which_unknown_octets_come_unasked_is_a_violation(line):
    with pytest.raises(Violation):
        announcement(line)


@pytest.mark.parametrize("octet", [b"\r", b"\n", b"\0"])
def test_cr_lf_and_nul_stand_nowhere_in_a_line(octet):
    for line in (octet, b"a" + octet, b"a " + octet + b" b", b'a "' + octet + b'"'):
        with pytest.raises(BadSyntax):
            announcement(line)
        with pytest.raises(BadSyntax):
            check_octets(line)


def test_every_other_octet_may_stand_in_a_quoted_string():
    octets = bytes(octet for octet in range(256) if octet not in b'\r\n\0"\\')
    assert announcement(b'a X "' + octets + b'"') is None
