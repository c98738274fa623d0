"""Bodies that follow one another: the short cut from one literal to the next gives what the long way gives."""

import re
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapserver.wire import client_protocol
from imapserver.wire.client_protocol import ClientProtocol, EngineEvent, Tagged, Untagged
from tests.support.wire import THOROUGH, pieces

DONE = b"A1 OK done\r\n"
NEVER = re.compile(rb"(?!)")


def body(content: bytes, number: int = 1, item: bytes = b"BODY[]") -> bytes:
    return b"* %d FETCH (UID 7 %b {%d}\r\n%b)\r\n" % (number, item, len(content), content)


def feed(chunks: list[bytes]) -> list[list[EngineEvent]]:
    protocol = ClientProtocol()
    return [protocol.receive_data(chunk) for chunk in chunks]


def feed_the_long_way(chunks: list[bytes]) -> list[list[EngineEvent]]:
    with patch.object(client_protocol, "NEXT_LITERAL", NEVER):
        return feed(chunks)


def test_bodies_come_in_one_event_up_to_the_tagged_response():
    data = b"".join(body(b"text %d" % number, number) for number in range(1, 100))
    assert feed([data + DONE]) == [[Untagged(data, len(data)), Tagged(b"A1", b"OK", DONE)]]


@pytest.mark.parametrize("content", [b"", b")\r\n", DONE, b"* 2 FETCH (BODY[] {3}\r\nabc)\r\n", b"{5}", b"{5}\r\n"])
def test_octets_of_a_body_between_others_are_not_read(content):
    data = body(b"one") + body(content, 2) + body(b"three", 3)
    assert feed([data + DONE]) == [[Untagged(data, len(data)), Tagged(b"A1", b"OK", DONE)]]


@pytest.mark.parametrize("cut", range(1, 37))
def test_boundary_is_behind_the_last_whole_response_wherever_the_next_is_cut(cut):
    first, second = body(b"one"), body(b"second", 2)
    assert feed([first + second[:cut]]) == [[Untagged(first + second[:cut], len(first))]]


@pytest.mark.parametrize(
    "behind",
    [
        b" FLAGS ()) \r\n",
        b")\r\n* OK {3}\r\n",
        b")\r\n* 2 EXISTS\r\n",
        b")\r\n* 2 FETCH (X {3} {4}\r\nabcd)\r\n",
        b")\r\n* 2 FETCH (X {3}}\r\n",
        b")\r\n* 2 FETCH (X {03}\r\nabc)\r\n",
        b")\r\n* LIST () {3}\r\nabc\r\n",
        b" {3}\r\nabc)\r\n",
        b"{3}\r\nabc)\r\n",
        b"2}\r\n",
        b")\n* 2 FETCH (X {3}\r\nabc)\r\n",
        b"\r)\r\n* 2 FETCH (X\r {3}\r\nabc)\r\n",
        b")\r\nA2 OK {3}\r\n* 2 FETCH (X {3}\r\nabc)\r\n",
        b")\r\n+ 3\r\n* 2 FETCH (X {3}\r\nabc)\r\n",
    ],
)
def test_what_stands_behind_a_literal_is_read_as_ever(behind):
    data = b"* 1 FETCH (X {2}\r\nxy" + behind + DONE
    assert feed([data]) == feed_the_long_way([data])
    assert b"".join(event.data for event in feed([data])[0]) == data
    assert feed([data])[0][-1] == Tagged(b"A1", b"OK", DONE)


def test_announcement_that_is_cut_in_two_is_one():
    """Its second half alone would read like the end of a response, and the literal like the next one."""
    content = b"* 1 FETCH (X"
    chunks = [b"* 1 FETCH (X {", b"%d}\r\n" % len(content) + content + b" {2}\r\nxy"]
    assert feed(chunks) == [[Untagged(chunk, 0)] for chunk in chunks]


contents = st.lists(
    st.sampled_from([b"x", b"\r\n", b")\r\n", DONE, b"* 1 FETCH (X {2}\r\n", b"{4}\r\n", b"{", b"\0"]), max_size=4
).map(b"".join)
words = st.lists(
    st.sampled_from(
        [b"x", b"{", b"}", b"{3}", b"\r", b"\n", b"\r\n", b"* 5 ", b"* OK ", b"* 1 FETCH (X {2}\r\n", b")"]
    ),
    max_size=5,
).map(b"".join)
responses = st.one_of(
    st.builds(
        body, contents, st.integers(0, 99), st.sampled_from([b"BODY[]", b"X {1}\r\nx Y", b"~", b'ENVELOPE ("{")'])
    ),
    words,
    st.just(DONE),
    st.just(b"* 4 FETCH (FLAGS ())\r\n"),
)


@settings(THOROUGH, max_examples=400)
@given(st.lists(responses, max_size=8).map(b"".join), st.lists(st.integers(0, 300), max_size=10))
def test_short_cut_gives_the_very_same_events(data, cuts):
    def outcome(way):
        try:
            return way(list(pieces(data, cuts)))
        except client_protocol.Violation:
            return client_protocol.Violation

    assert outcome(feed) == outcome(feed_the_long_way)
