"""Commands of the engine's: they pass as they came, and no octet of theirs is ever taken for another command."""

import pytest

from imapserver.wire.events import (
    CommandReceived,
    CommandRefused,
    DialogueLine,
    LiteralWanted,
    RelayContinued,
    RelayStarted,
)
from imapserver.wire.server_protocol import ServerProtocol
from imapserver.wire.state import State
from tests.support.wire import Conversation, converse

CANARY = b"B EXECUTE canary x\r\n"
EXECUTE = CommandReceived(b"z", b"EXECUTE", (b"",))


def tags_served(events) -> list[bytes]:
    return [event.tag for event in events if isinstance(event, CommandReceived)]


def relay_waiting_for_literal() -> Conversation:
    """APPEND has announced a literal, and the engine has not answered."""
    conversation = Conversation()
    conversation.wire.receive_data(b"a APPEND INBOX {20}\r\n" + CANARY)
    assert conversation.wire.next_event() == RelayStarted(b"a", b"APPEND", b"a APPEND INBOX {20}\r\n")
    assert conversation.wire.next_event() is None
    return conversation


def relay_waiting_for_idle() -> Conversation:
    """IDLE has begun, and the engine has not answered."""
    conversation = Conversation()
    conversation.wire.receive_data(b"a IDLE\r\n" + CANARY)
    assert conversation.wire.next_event() == RelayStarted(b"a", b"IDLE", b"a IDLE\r\n")
    assert conversation.wire.next_event() is None
    return conversation


@pytest.mark.parametrize(
    "line",
    [
        b"a select INBOX",
        b"a UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.10>)",
        b'a SEARCH SUBJECT "\\"{5}" NOT "x \\\\"',
        b'a LIST "" %',
        b'a RENAME "\xc3\xa4" b',
        b"a XYZZY ] } ~ \x01",
        b"a NOOP ",
        b"a CHECK",
    ],
)
@pytest.mark.parametrize("state", [State.AUTHENTICATED, State.SELECTED])
def test_line_of_the_engines_passes_as_it_came(line, state):
    conversation = Conversation()
    conversation.wire.state = state
    (event,) = conversation.feed([line + b"\r\n"])
    assert event == RelayStarted(b"a", line.split()[1].upper(), line + b"\r\n")
    assert conversation.relayed == line + b"\r\n"


# Literals


@pytest.mark.parametrize("announced", [b"{%d}", b"{%d+}", b"~{%d}", b"~{%d+}", b"({%d+}", b"(~{%d}"])
@pytest.mark.parametrize("content", [CANARY, b"\r\n" + CANARY[:18], b"a OK x\r\n* BYE\r\nDONE", bytes(range(20))])
def test_literal_passes_whole_and_holds_no_command(announced, content):
    first = b"A APPEND INBOX " + announced % len(content) + b"\r\n"
    started, literal, end, execute = converse(first + content + b"\r\nz EXECUTE\r\n")
    assert started == RelayStarted(b"A", b"APPEND", first)
    assert literal == RelayContinued(content, literal=True)
    assert end == RelayContinued(b"\r\n")
    assert execute == EXECUTE


@pytest.mark.parametrize("size", range(16, 25))
@pytest.mark.parametrize("plus", [b"", b"+"])
def test_command_hidden_in_a_message_never_appears_whatever_its_size_says(size, plus):
    """A size that is too small leaves a rest that is the end of APPEND, not a command; then the next line is one."""
    events = converse(b"A APPEND INBOX {%d%b}\r\n" % (size, plus) + CANARY + b"\r\n")
    assert tags_served(events) == []


def test_several_literals_of_one_command_pass_in_turn():
    message = b"x\r\n" + CANARY
    data = b"a APPEND {5}\r\nINBOX (\\Seen) {%d+}\r\n%b {%d}\r\n%b\r\n" % (len(message), message, len(message), message)
    *relayed, execute = converse(data + b"z EXECUTE\r\n")
    assert b"".join(event.data for event in relayed) == data
    assert [event.literal for event in relayed[1:]] == [True, False, True, False, True, False]
    assert execute == EXECUTE


def test_empty_literals_pass_and_the_line_goes_on_behind_them():
    data = b"a APPEND {0}\r\n {0+}\r\n {1+}\r\nx\r\n"
    *relayed, execute = converse(data + b"z EXECUTE\r\n")
    assert b"".join(event.data for event in relayed) == data
    assert execute == EXECUTE


def test_literal_passes_before_it_has_all_come():
    conversation = Conversation()
    events = conversation.feed([b"a APPEND INBOX {4294967295+}\r\n", b"first octets"])
    assert events[1] == RelayContinued(b"first octets", literal=True)
    assert len(conversation.wire) == 0


def test_large_literal_comes_in_pieces():
    conversation = Conversation()
    conversation.wire.receive_data(b"a APPEND INBOX {1000000+}\r\n" + b"x" * 1_000_000)
    conversation.wire.next_event()
    sizes = []
    while event := conversation.wire.next_event():
        sizes.append(len(event.data))
    assert (max(sizes), sum(sizes)) == (64 * 1024, 1_000_000)


def test_ten_thousand_literals_pass_and_one_more_is_fatal():
    literals = b" {1+}\r\ny" * 10_000
    fits = Conversation()
    fits.feed([b"a SEARCH" + literals + b"\r\nz EXECUTE\r\n"])
    assert fits.events[-1] == EXECUTE
    over = Conversation()
    over.feed([b"a SEARCH" + literals + b" {1+}\r\ny\r\nz EXECUTE\r\n"])
    assert over.events[-1] == CommandRefused(b"a", "too many literals", fatal=True)
    assert over.relayed == b"a SEARCH" + literals


def test_nothing_comes_of_a_synchronizing_literal_before_the_engine_asks_for_it():
    conversation = relay_waiting_for_literal()
    assert not conversation.wire.between_commands
    assert conversation.wire.engine_continued()
    assert conversation.wire.next_event() == RelayContinued(CANARY, literal=True)
    assert conversation.wire.next_event() is None


def test_engine_that_refuses_a_literal_makes_the_next_line_a_command():
    conversation = relay_waiting_for_literal()
    assert conversation.wire.engine_completed(b"a")
    assert conversation.wire.next_event() == CommandReceived(b"B", b"EXECUTE", (b" canary x",))
    events = converse(b"a APPEND INBOX {20}\r\nz EXECUTE\r\n", refuses=[b"a"])
    assert events[1:] == [EXECUTE]


@pytest.mark.parametrize("waiting", [relay_waiting_for_literal, relay_waiting_for_idle])
def test_end_of_another_command_changes_nothing(waiting):
    conversation = waiting()
    for tag in (b"B", b"A", b"", b"aa", b"*", b"+"):
        assert not conversation.wire.engine_completed(tag)
        assert conversation.wire.next_event() is None


def test_what_the_engine_says_unasked_changes_nothing():
    for start in (
        b"",
        b"a NO",
        b"a NOOP\r\n",
        b"a APPEND x {5+}\r\nab",
        b"a APPEND x {1+}\r\nx ",
        b"a EXECUTE {5+}\r\nx",
    ):
        conversation = Conversation()
        conversation.feed([start])
        assert not conversation.wire.engine_continued()
        assert not conversation.wire.engine_completed(b"a")
        assert conversation.wire.next_event() is None


def test_command_that_goes_on_malformed_is_fatal_since_the_engine_has_had_its_start():
    for rest in (b'"', b"{05}", b"x{5}", b"{5+} x", b"\0", b"x\ry", b"{x+}"):
        conversation = Conversation()
        conversation.feed([b"a APPEND {5+}\r\nINBOX " + rest + b"\r\nz EXECUTE\r\n"])
        assert isinstance(conversation.events[-1], CommandRefused)
        assert conversation.events[-1].fatal
        assert conversation.events[-1].tag == b"a"
        assert conversation.relayed == b"a APPEND {5+}\r\nINBOX"


def test_command_cut_off_in_its_literal_leaves_the_engine_in_the_middle():
    conversation = Conversation()
    conversation.feed([b"a APPEND INBOX {5+}\r\nabc"])
    assert not conversation.wire.between_commands


# IDLE


@pytest.mark.parametrize("line", [b"DONE", b"done", CANARY[:-2], b"z NOOP", b"", b"x {3}", b"x {3+}", b'"', b"\xff"])
def test_line_behind_idle_is_no_command_whatever_it_is(line):
    started, end, execute = converse(b"A IDLE\r\n" + line + b"\r\nz EXECUTE\r\n")
    assert started == RelayStarted(b"A", b"IDLE", b"A IDLE\r\n")
    assert end == RelayContinued(line + b"\r\n")
    assert execute == EXECUTE


@pytest.mark.parametrize("line", [b"DONE\r", b"DONE\rB LOGIN x y", b"DONE\0", b"DONE\nB LOGIN x y"])
def test_line_behind_idle_that_an_engine_could_cut_in_two_is_fatal(line):
    conversation = Conversation()
    conversation.feed([b"A idle\r\n" + line + b"\r\nz EXECUTE\r\n"])
    assert conversation.relayed == b"A idle\r\n"
    assert conversation.events[-1].fatal


def test_line_of_a_dialogue_does_not_end_idle():
    events = converse(b"A IDLE\r\n100 quit\r\nDONE\r\nz EXECUTE\r\n", dialogues=[b"100"])
    assert events[1:3] == [DialogueLine(b"100", b"quit"), RelayContinued(b"DONE\r\n")]


def test_nothing_comes_of_idle_before_the_engine_continues():
    conversation = relay_waiting_for_idle()
    assert conversation.wire.idling
    assert conversation.wire.engine_continued()
    assert conversation.wire.idling
    assert not conversation.wire.engine_continued()
    assert conversation.wire.next_event() == RelayContinued(CANARY)
    assert not conversation.wire.idling
    assert conversation.wire.between_commands


def test_idle_that_the_engine_refuses_makes_the_next_line_a_command():
    events = converse(b"A IDLE\r\nz EXECUTE\r\n", refuses=[b"A"])
    assert events[1:] == [EXECUTE]


@pytest.mark.parametrize("continued", [False, True])
def test_idle_that_the_engine_ends_by_itself_makes_the_next_line_a_command(continued):
    wire = ServerProtocol()
    wire.log_in(relaying=True, served=frozenset())
    wire.receive_data(b"A IDLE\r\nDON")
    assert wire.next_event() == RelayStarted(b"A", b"IDLE", b"A IDLE\r\n")
    if continued:
        assert wire.engine_continued()
    assert wire.next_event() is None
    assert wire.engine_completed(b"A")
    assert not wire.idling
    wire.receive_data(b"E NOOP\r\n")
    assert wire.next_event() == RelayStarted(b"DONE", b"NOOP", b"DONE NOOP\r\n")


def test_idle_with_a_literal_waits_for_both():
    *relayed, execute = converse(b"A IDLE {4}\r\nDONE\r\nDONE\r\nz EXECUTE\r\n")
    assert b"".join(event.data for event in relayed) == b"A IDLE {4}\r\nDONE\r\nDONE\r\n"
    assert execute == EXECUTE


# Where a command of IMAPX's own may be sent to the engine


@pytest.mark.parametrize(
    ("data", "between"),
    [
        (b"", True),
        (b"a FETCH 1 FL", True),
        (b"a FETCH 1 FLAGS\r\n", True),
        (b"a EXECUTE x {5}\r\nab", True),
        (b"a EXECUTE x {2}\r\nab ", True),
        (b"a APPEND x {5+}\r\nab", False),
        (b"a APPEND x {2+}\r\nab ", False),
        (b"a APPEND x {2+}\r\nab\r\n", True),
        (b"a IDLE\r\n", False),
        (b"a IDLE\r\nDONE\r\n", True),
    ],
)
def test_own_command_may_be_sent_where_the_engine_has_had_whole_ones(data, between):
    conversation = Conversation()
    events = conversation.feed([data])
    assert conversation.wire.between_commands is between is conversation.engine.between
    assert all(isinstance(event, RelayStarted | RelayContinued | LiteralWanted) for event in events)
