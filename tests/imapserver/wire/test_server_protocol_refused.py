"""Of a command that is served and can't be read, what was read: its name and the text of its first line."""

import pytest

from imapserver.wire import limits
from imapserver.wire.events import CommandReceived, CommandRefused, Event, LiteralWanted
from imapserver.wire.server_protocol import ServerProtocol


def events(data: bytes, *, logged_in: bool = True) -> list[Event]:
    wire = ServerProtocol()
    if logged_in:
        wire.log_in(relaying=True, served=frozenset({b"ADD"}))
    wire.receive_data(data)
    found: list[Event] = []
    while (event := wire.next_event()) is not None:
        found.append(event)
    return found


def last(data: bytes, *, logged_in: bool = True) -> CommandRefused:
    event = events(data, logged_in=logged_in)[-1]
    assert isinstance(event, CommandRefused)
    return event


OVER = b"x" * limits.AUTHENTICATED.line


@pytest.mark.parametrize(
    ("data", "name", "text", "fatal"),
    [
        (b'a execute blacklist "x\r\n', b"EXECUTE", b' blacklist "x', False),
        (b"a ADD blacklist x{3}\r\n", b"ADD", b" blacklist x{3}", False),
        (b"a EXECUTE v\0\r\n", b"EXECUTE", b" v\0", False),
        (b"a EXECUTE v {1+}\r\nx {\r\n", b"EXECUTE", b" v {1+}", False),
        (b'a EXECUTE v "{3+}\r\nb NOOP\r\n', b"EXECUTE", b' v "{3+}', True),
        (b"a EXECUTE v {1+}\r\nx " + OVER + b"\r\n", b"EXECUTE", b" v {1+}", True),
        (b"a FEED 100 {70000}\r\n", b"FEED", b" 100 {70000}", False),
    ],
)
def test_name_and_text_of_what_is_served_are_told(data: bytes, name: bytes, text: bytes, fatal: bool) -> None:
    refused = last(data)
    assert (refused.tag, refused.name, refused.text_read, refused.fatal) == (b"a", name, text, fatal)


@pytest.mark.parametrize(
    "data",
    [
        b'a SEARCH "x\r\n',
        b"a LOGIN x y\r\n",
        b"garbage\r\n",
        OVER + b"xx\r\n",
        b"a APPEND x {1+}\r\nx " + OVER + b"\r\n",
    ],
)
def test_of_anything_else_nothing_is_told(data: bytes) -> None:
    refused = last(data)
    assert (refused.name, refused.text_read) == (b"", b"")


def test_what_was_told_of_one_command_is_not_told_of_the_next() -> None:
    received, too_long = events(b"a EXECUTE v secret\r\n" + OVER + b"xx\r\n")
    assert received == CommandReceived(b"a", b"EXECUTE", (b" v secret",))
    assert too_long == CommandRefused(None, "line too long", fatal=True)


def test_input_in_the_wrong_place_is_no_command_that_could_not_be_read() -> None:
    wire = ServerProtocol()
    wire.log_in(relaying=True, served=frozenset())
    wire.receive_data(b"a EXECUTE v {70000+}\r\n")
    assert isinstance(wire.next_event(), CommandReceived)
    wire.take_input()
    wire.receive_data(b"x" * 70000 + b" more\r\n")
    while not isinstance(event := wire.next_event(), CommandRefused):
        assert event is not None
    assert (event.name, event.text_read, event.fatal) == (b"", b"", True)


def test_password_is_not_shown() -> None:
    refused = last(b'a LOGIN ann "secret\r\n', logged_in=False)
    assert refused.name == b"LOGIN"
    assert "secret" not in repr(refused)


def test_literal_is_asked_for_before_anything_is_refused() -> None:
    wanted, refused = events(b"a EXECUTE v {1}\r\nx {\r\n")
    assert wanted == LiteralWanted()
    assert isinstance(refused, CommandRefused)
    assert refused.text_read == b" v {1}"
