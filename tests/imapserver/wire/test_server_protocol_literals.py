"""Literals of commands that IMAPX serves or refuses."""

import pytest

from imapserver.wire import limits
from imapserver.wire.events import CommandReceived, LiteralWanted
from imapserver.wire.syntax import Literal
from tests.support.wire import Conversation, before_login, converse, refusals

NOOP = CommandReceived(b"z", b"NOOP", (b"",))
"""What `z NOOP` is before login: it shows that the start of the next command was found."""

MALFORMED = [
    b"{4294967296}",
    b"{18446744073709551616}",
    b"{99999999999999999999999999}",
    b"{-1}",
    b"{ 5}",
    b"{5 }",
    b"{+5}",
    b"{}",
    b"{0x10}",
    "{٣}".encode(),
    b"{05}",
    b"{00}",
    b"{5}}",
    b"{{5}",
    b"{5",
    b"{5+",
    b"{5+}x",
    b"{5-}",
    b"{5} {5}",
    b"~~{5}",
    b"x{5}",
    b"x~{5}",
    b'"{5}',
    b"~ {5",
]


@pytest.mark.parametrize("size", MALFORMED)
def test_malformed_literal_gets_bad_at_once_and_the_next_line_is_a_command(size):
    *bad, noop = before_login(b"a LOGIN " + size + b"\r\nz NOOP\r\n")
    assert (refusals(bad), noop) == ([(b"a", False)], NOOP)
    for line in (b"EXECUTE x ", b"APPEND INBOX ", b"LOGIN ", b"(", b""):
        *bad, execute = converse(b"a " + line + size + b"\r\nz EXECUTE\r\n")
        assert (refusals(bad), execute) == ([(b"a", False)], CommandReceived(b"z", b"EXECUTE", (b"",)))


@pytest.mark.parametrize(
    "size",
    [
        b"{4294967296+}",
        b"{99999999999+}",
        b"{05+}",
        "{٣+}".encode(),
        b"{+}",
        b"{-1+}",
        b"{0x5+}",
        b"x{5+}",
        b'"{5+}',
        b"{5++}",
        b"\0{5+}",
    ],
)
def test_malformed_literal_that_comes_without_being_asked_for_is_fatal(size):
    """Its octets are on their way, and they could read like commands."""
    for line in (b"a LOGIN ", b"a EXECUTE x ", b"a APPEND INBOX ", b"a BOGUS ", b"a (", b"* "):
        for logged_in in (False, True):
            events = converse(line + size + b"\r\nB EXECUTE canary\r\nB NOOP\r\n", logged_in=logged_in)
            assert refusals(events) == [(None if line == b"* " else b"a", True)]


@pytest.mark.parametrize("line", [b"a LOGIN ", b"a NOOP ", b"a SELECT ", b"a BOGUS "])
def test_large_literal_before_login_is_refused_without_being_asked_for(line):
    *bad, noop = before_login(line + b"{100000000}\r\nz NOOP\r\n")
    assert (refusals(bad), noop) == ([(b"a", False)], NOOP)
    assert refusals(before_login(line + b"{100000000+}\r\nz NOOP\r\n")) == [(b"a", True)]


def test_literals_of_one_command_are_limited_in_sum():
    half = limits.NOT_AUTHENTICATED.literals // 2
    fits = b"a LOGIN {%d+}\r\n%b {%d+}\r\n%b\r\n" % (half, b"x" * half, half, b"y" * half)
    over = b"a LOGIN {%d+}\r\n%b {%d+}\r\n%b\r\n" % (half, b"x" * half, half + 1, b"y" * half)
    asked = b"a LOGIN {%d+}\r\n%b {%d}\r\nz NOOP\r\n" % (half, b"x" * half, half + 1)
    assert [type(event) for event in before_login(fits)] == [CommandReceived]
    assert refusals(before_login(over)) == [(b"a", True)]
    *bad, noop = before_login(asked)
    assert (refusals(bad), noop) == ([(b"a", False)], NOOP)


def test_limits_count_anew_for_each_command():
    size = limits.NOT_AUTHENTICATED.literals
    command = b"a LOGIN {%d+}\r\n%b\r\n" % (size, b"x" * size)
    assert [type(event) for event in before_login(command * 3)] == [CommandReceived] * 3


def test_ten_thousand_literals_of_one_octet_are_fatal_long_before_the_last():
    command = b"a EXECUTE x" + b" {1+}\r\ny" * 10_000 + b"\r\n"
    assert refusals(converse(command)) == [(b"a", True)]
    asked = Conversation().feed([b"a EXECUTE x" + b" {1}\r\ny" * 10_000])
    wanted = limits.AUTHENTICATED.literal_count
    assert asked[:wanted] == [LiteralWanted()] * wanted
    assert refusals(asked[wanted : wanted + 1]) == [(b"a", False)]


def test_lines_between_literals_count_towards_the_limit_of_the_line():
    text = b" ".ljust(3000, b"x")
    assert refusals(before_login(b"a ID" + (text + b" {0+}\r\n") * 3 + b"\r\n")) == [(b"a", True)]
    assert [type(event) for event in before_login(b"a ID" + (text + b" {0+}\r\n") * 2 + b"\r\n")] == [CommandReceived]


@pytest.mark.parametrize(
    "data", [b"a EXECUTE x {5+}\r\nabcd", b"a EXECUTE x {5+}\r\nabcde", b"a EXECUTE x {5+}\r\nabcde\r"]
)
def test_literal_cut_off_by_the_end_of_the_data_makes_no_command(data):
    assert converse(data) == []


def test_synchronizing_literal_is_asked_for_and_the_other_is_not():
    assert converse(b"a EXECUTE x {2}\r\nab ~{2+}\r\n\r\n (y)\r\n") == [
        LiteralWanted(),
        CommandReceived(b"a", b"EXECUTE", (b" x ", Literal(b"ab"), b" ", Literal(b"\r\n", binary=True), b" (y)")),
    ]


def test_empty_literal_is_an_empty_string():
    wanted = CommandReceived(b"a", b"LOGIN", (b" ", Literal(b""), b" ", Literal(b""), b""))
    assert before_login(b"a LOGIN {0}\r\n {0+}\r\n\r\n") == [LiteralWanted(), wanted]


def test_octets_of_a_literal_are_kept_whatever_they_are():
    octets = bytes(range(256)) + b'\r\nb EXECUTE x {5+}\r\n"\\'
    (command,) = converse(b"a EXECUTE x {%d+}\r\n%b\r\n" % (len(octets), octets))
    assert command.fragments == (b" x ", Literal(octets), b"")


def test_literal_of_a_refused_command_is_skipped_not_read_as_commands():
    content = b"b NOOP\r\nb EXECUTE x\r\n"
    for line in (b"a BOGUS x", b"a SELECT", b"* NOOP", b"a (", b"a"):
        data = line + b" {%d+}\r\n%b {%d+}\r\n%b\r\n" % (len(content), content, len(content), content)
        *bad, noop = before_login(data + b"z NOOP\r\n")
        assert len(refusals(bad)) == 1
        assert noop == NOOP


def test_malformed_text_behind_a_literal_refuses_the_whole_command():
    *bad, execute = converse(b'a EXECUTE x {2+}\r\nab "y\r\nz EXECUTE\r\n')
    assert (refusals(bad), execute) == ([(b"a", False)], CommandReceived(b"z", b"EXECUTE", (b"",)))
