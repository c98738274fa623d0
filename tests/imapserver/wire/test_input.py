"""The large last literal of an EXECUTE, which is not collected: offered, then taken or dropped. And prompts."""

import pytest

from imapserver.wire import limits
from imapserver.wire.events import CommandReceived, CommandRefused, ContinuationLine, InputOctets
from tests.support.wire import Conversation, converse

LARGE = b"x" * (limits.ARGUMENT + 1)
OFFERED = CommandReceived(b"a", b"EXECUTE", (b" v ",), offered=len(LARGE))


def noop(tag: bytes) -> CommandReceived:
    return CommandReceived(tag, b"CAPABILITY", (b"",))


def take(wire, command):
    if command.offered is not None:
        wire.take_input()


def refuse(wire, command):
    if command.offered is not None:
        wire.refuse_input()


def test_taken_input_comes_as_octets_and_an_end():
    data = b"a EXECUTE v {%d+}\r\n%b\r\nb CAPABILITY\r\n" % (len(LARGE), LARGE)
    assert converse(data, on_command=take) == [OFFERED, InputOctets(b"a", LARGE), InputOctets(b"a", b""), noop(b"b")]


def test_input_that_reads_like_commands_is_input():
    octets = b"z LOGOUT\r\n" * 200
    data = b"a EXECUTE v {%d+}\r\n%b\r\nb CAPABILITY\r\n" % (len(octets), octets)
    assert converse(data, on_command=take)[1:] == [InputOctets(b"a", octets), InputOctets(b"a", b""), noop(b"b")]
    assert converse(data, on_command=refuse)[1:] == [noop(b"b")]


def test_literal_of_an_arguments_size_is_collected():
    data = b"a EXECUTE v {%d+}\r\n%b\r\n" % (limits.ARGUMENT, LARGE[1:])
    (command,) = converse(data)
    assert command.offered is None
    assert len(command.fragments) == 3


@pytest.mark.parametrize("plus", [b"", b"+"])
def test_caller_learns_whether_the_client_waits(plus):
    waits = []
    conversation = Conversation(on_command=lambda wire, command: waits.append(wire.take_input()))
    conversation.feed([b"a EXECUTE v {5000%b}\r\n" % plus])
    assert waits == [plus == b""]


def test_nothing_comes_before_the_answer():
    conversation = Conversation()
    data = b"a EXECUTE v {%d+}\r\n%b\r\nb CAPABILITY\r\n" % (len(LARGE), LARGE)
    assert conversation.feed([data]) == [OFFERED]
    conversation.wire.refuse_input()
    assert conversation.feed([b""])[1:] == [noop(b"b")]


def test_refused_input_that_the_client_waits_with_does_not_come():
    data = b"a EXECUTE v {5000}\r\nb CAPABILITY\r\n"
    assert converse(data, on_command=refuse)[1:] == [noop(b"b")]


@pytest.mark.parametrize("rest", [b"", b" more", b" {3+}\r\nb c", b" {3+}\r\nb c {0+}\r\n", b" {7}", b" {x}"])
def test_refused_input_is_dropped_with_the_rest_of_its_command(rest):
    data = b"a EXECUTE v {%d+}\r\n%b%b\r\nb CAPABILITY\r\n" % (len(LARGE), LARGE, rest)
    events = converse(data, on_command=refuse)
    assert events[1:] == [noop(b"b")]


def test_more_than_can_be_dropped_is_fatal():
    data = b"a EXECUTE v {%d+}\r\n" % (limits.DROPPED + 1)
    _, refused = converse(data, on_command=refuse)
    assert isinstance(refused, CommandRefused)
    assert refused.fatal


def test_text_behind_taken_input_is_fatal_and_has_no_tag():
    data = b"a EXECUTE v {%d+}\r\n%b x\r\nb CAPABILITY\r\n" % (len(LARGE), LARGE)
    *_, refused = converse(data, on_command=take)
    assert (refused.tag, refused.fatal) == (None, True)


@pytest.mark.parametrize("line", [b"a LOGIN x {5000+}\r\n", b"a CANCEL {99999+}\r\n", b"a ADD v {99999+}\r\n"])
def test_only_commands_that_execute_are_offered_input(line):
    logged_in = b"LOGIN" not in line
    assert all(isinstance(event, CommandRefused) for event in converse(line, logged_in=logged_in, relaying=False))


def test_action_verb_is_offered_input():
    (command,) = converse(b"a ADD v {5000}\r\n", served=[b"ADD"])
    assert (command.name, command.offered) == (b"ADD", 5000)


def test_feed_is_collected_up_to_its_own_limit():
    octets = b"\0" * limits.FEED
    (command,) = Conversation().feed([b'a FEED "1" {%d+}\r\n%b\r\n' % (len(octets), octets)])
    assert command.fragments[1].data == octets
    (refused,) = Conversation().feed([b'a FEED "1" {%d+}\r\n' % (len(octets) + 1)])
    assert refused.fatal


def test_lines_wait_until_they_are_asked_for():
    conversation = Conversation()
    conversation.wire.begin_prompts()
    assert conversation.feed([b"a LOGOUT\r\nb CAPABILITY\r\n"]) == []
    conversation.wire.expect_continuation()
    assert conversation.feed([b""]) == [ContinuationLine(b"a LOGOUT")]
    conversation.wire.end_prompts()
    assert conversation.feed([b""])[1:] == [noop(b"b")]
