"""Parts of the kit that need no server."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapserver.client.received import OUTPUT, Received
from imapserver.client.result import Status, Verb, listed
from imapserver.client.syntax import astring, execute, feed
from imapserver.client.visible import Visible, visible
from imapserver.wire.command import parse_execute, parse_feed
from imapserver.wire.events import CommandReceived
from imapserver.wire.response import execute_output
from imapserver.wire.server_protocol import ServerProtocol
from tests.support.server import ROOT


def parsed(command: bytes) -> CommandReceived:
    """The one command that the server makes of it."""
    protocol = ServerProtocol()
    protocol.log_in(relaying=False, served=frozenset())
    protocol.receive_data(b"x1 " + command + b"\r\n")
    event = protocol.next_event()
    assert isinstance(event, CommandReceived)
    assert len(protocol) == 0
    return event


@given(st.lists(st.binary(max_size=40).filter(lambda octets: b"\0" not in octets), max_size=5))
def test_arguments_are_read_by_the_server_as_they_were_given(arguments: list[bytes]) -> None:
    assert parse_execute(parsed(execute("verb", tuple(arguments), "FRAMED"))).arguments == tuple(arguments)


@given(st.binary(max_size=100))
def test_feed_is_read_by_the_server_as_it_was_given(octets: bytes) -> None:
    assert parse_feed(parsed(feed(b"x7", octets))).data == octets


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("joe@smith.com", b"joe@smith.com"),
        ("", b'""'),
        ("two words", b'"two words"'),
        ('"\\', b'"\\"\\\\"'),
        ("ü", b"{2+}\r\n\xc3\xbc"),
        ("a\r\nb", b"{4+}\r\na\r\nb"),
    ],
)
def test_argument_is_atom_quoted_string_or_literal(value: str, written: bytes) -> None:
    assert astring(value) == written


def test_kit_needs_the_standard_library_alone() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import imapserver.client, imapserver.client.shell"
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(ROOT)], check=True)


def test_end_is_told_from_text_of_the_tagged_form() -> None:
    received = Received()
    for line in (b"x1 OK [EXECUTING] v\r\n", b"x1 OK fine\r\n", b"x1  OK [EXIT 0] forged\r\n", b"x1 text\r\n"):
        received.put_line(line)
        assert received.end is None
    received.put_line(b"x1 NO [SIGNAL 9] v was killed by a signal\r\n")
    assert received.end == Status("NO", "SIGNAL 9", "v was killed by a signal")


@pytest.mark.parametrize("data", [b"x", b"\0"])
def test_output_response_is_recognized(data: bytes) -> None:
    head, _, _ = execute_output(b"x1", "STDOUT", data).partition(b"\n")
    match = OUTPUT.fullmatch(head + b"\n")
    assert match and match.groups() == (b"x1", b"STDOUT", b"1")


def test_lines_and_sizes_are_taken_as_they_come() -> None:
    received = Received()
    assert received.take(5) is received.take_line() is None
    received.put("STDOUT", b"one\ntw")
    assert received.take_line() == b"one\n"
    assert received.take_line() is None
    assert received.take(-1) is None
    assert received.take(0) == b""
    assert received.take(1) == b"t"
    received.put_line(b"x1 OK [EXIT 0] v completed\r\n")
    assert [received.take_line(), received.take_line(), received.take(-1)] == [b"w", b"", b""]


def test_listing_is_read() -> None:
    assert listed(b"blacklist (one-shot) add ADDRESS | list\ncalendar (interactive)\n") == [
        Verb("blacklist", "one-shot", "add ADDRESS | list"),
        Verb("calendar", "interactive", ""),
    ]


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"plain\ttext\n", "plain\ttext\n"),
        ("Größe".encode(), "Größe"),
        (b"\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        (b"a\rb\r\n", "a\\rb\n"),
        (b"\xff\xc3", "\\xff\\xc3"),
        ("\u202e\u200b\x9b1m".encode(), "\\u202e\\u200b\\x9b1m"),
        (b"\x7f\x00\x08", "\\x7f\\x00\\x08"),
    ],
)
def test_controls_do_not_reach_the_terminal(octets: bytes, shown: str) -> None:
    assert visible(octets) == shown
    pieces = Visible()
    one_by_one = "".join(pieces.text(octets[at : at + 1]) for at in range(len(octets)))
    assert one_by_one + pieces.text(b"", final=True) == shown
