"""The engine's responses: where each ends, whatever is in it and however it comes."""

import re
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapserver.wire.client_protocol import STATUS_LINE, ClientProtocol, Continuation, EngineEvent, Tagged, Untagged
from imapserver.wire.exceptions import Violation
from tests.support.wire import THOROUGH, cuttings, pieces

DONE = b"A1 OK done\r\n"
TAGGED_DONE = Tagged(b"A1", b"OK", DONE)


def responses(data: bytes) -> list[bytes]:
    """Cut valid `data` into responses: line by line, and by the literal at a line's end. Slow, and nothing more."""
    found = []
    while data:
        text_only = re.match(rb"\* (OK|NO|BAD|BYE|PREAUTH)[ \r\n]|[^*]", data, re.IGNORECASE)
        end = 0
        while True:
            start, end = end, data.index(b"\n", end) + 1
            announced = re.search(rb"\{(\d+)\}\r\n\Z", data[start:end])
            if text_only or not announced:
                break
            end += int(announced[1])
        found.append(data[:end])
        data = data[end:]
    return found


def ends(data: bytes) -> set[int]:
    """Offsets behind each response of `data`."""
    end, offsets = 0, set()
    for response in responses(data):
        end += len(response)
        offsets.add(end)
    return offsets


def feed(chunks: Iterable[bytes]) -> list[EngineEvent]:
    protocol = ClientProtocol()
    return [event for chunk in chunks for event in protocol.receive_data(chunk)]


def check(data: bytes, chunks: Iterable[bytes]) -> list[EngineEvent]:
    """Return the events of whole responses that came as `chunks`, after checking that they are theirs."""
    events = feed(chunks)
    assert b"".join(event.data for event in events) == data
    offsets, start = ends(data), 0
    for event in events:
        end = start + len(event.data)
        if isinstance(event, Untagged):
            last = max((offset for offset in offsets if start < offset <= end), default=start)
            assert event.boundary == last - start, event
        else:
            assert end in offsets
            assert start in offsets or start == 0
        start = end
    return events


def receive(data: bytes) -> list[EngineEvent]:
    """The events of whole responses, after checking that they are the same, in more pieces, however they are cut."""
    whole = check(data, [data])
    for chunks in cuttings(data):
        others = [event for event in check(data, chunks) if not isinstance(event, Untagged)]
        assert others == [event for event in whole if not isinstance(event, Untagged)]
    return whole


# Kinds of responses


def test_run_of_untagged_responses_comes_in_one_event():
    data = b"* 1 FETCH (FLAGS ())\r\n* 2 EXISTS\r\n* OK x\r\n"
    assert receive(data) == [Untagged(data, len(data))]


@pytest.mark.parametrize(
    ("line", "tag", "condition"),
    [
        (b"A1 OK done\r\n", b"A1", b"OK"),
        (b"a no [NONEXISTENT] gone\r\n", b"a", b"NO"),
        (b"x.1]/ Bad\r\n", b"x.1]/", b"BAD"),
        (b"A1 OK\r\n", b"A1", b"OK"),
    ],
)
def test_tagged_response_comes_whole(line, tag, condition):
    assert receive(line) == [Tagged(tag, condition, line)]


@pytest.mark.parametrize("line", [b"+ idling\r\n", b"+\r\n", b"+ \r\n", b"+ text {3}\r\n", b"+ A1 OK done\r\n"])
def test_continuation_request_comes_whole(line):
    assert receive(line + DONE) == [Continuation(line), TAGGED_DONE]


def test_kinds_come_in_the_order_in_which_they_were_sent():
    assert receive(b"* 1 EXISTS\r\n" + DONE + b"+ go\r\n* BYE x\r\n" + DONE) == [
        Untagged(b"* 1 EXISTS\r\n", 12),
        TAGGED_DONE,
        Continuation(b"+ go\r\n"),
        Untagged(b"* BYE x\r\n", 9),
        TAGGED_DONE,
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"A1",
        b"A1 FETCH",
        b" A1 OK x",
        b"A1  OK x",
        b"A1 OKAY",
        b"A1 OK-x",
        b"OK done",
        b"x" * 50,
        b"}",
        b"{",
        b"{5}",
        b"\0",
        b"-ERR",
    ],
)
@pytest.mark.parametrize("before", [b"", b"* 1 EXISTS\r\n", DONE, b"* 1 FETCH (BODY[] {2}\r\nxy)\r\n"])
def test_line_that_is_no_response_is_a_violation_however_it_is_cut(line, before):
    data = before + line + b"\r\n"
    for chunks in ([data], *cuttings(data)):
        with pytest.raises(Violation):
            feed(chunks)


# Literals


@pytest.mark.parametrize(
    "content",
    [DONE, b"* BYE\r\n", b"\r\nA1 OK done\r\n", b"+ go\r\n", b"garbage\r\n", b"{100}\r\n", b"* X {9}\r\n", b")", b""],
)
@pytest.mark.parametrize("mark", [b"{%d}", b"~{%d}"])
def test_octets_of_a_literal_are_no_response_whatever_they_are(content, mark):
    data = b"* 1 FETCH (BODY[] " + mark % len(content) + b"\r\n" + content + b")\r\n"
    assert receive(data + DONE) == [Untagged(data, len(data)), TAGGED_DONE]


def test_several_literals_of_one_response_are_all_passed_over():
    data = b"* 1 FETCH (A {12}\r\nA1 OK done\r\n B {0}\r\n C ~{6}\r\n* BYE\n {2}\r\nxy)\r\n* 2 EXISTS\r\n"
    assert receive(data + DONE) == [Untagged(data, len(data)), TAGGED_DONE]


@pytest.mark.parametrize("condition", [b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH", b"ok", b"Bye"])
def test_end_of_a_status_response_that_reads_like_a_literal_is_text(condition):
    data = b"* " + condition + b" text {12}\r\n"
    assert receive(data + DONE) == [Untagged(data, len(data)), TAGGED_DONE]
    tagged = b"A2 NO text {12}\r\n"
    assert receive(tagged + DONE) == [Tagged(b"A2", b"NO", tagged), TAGGED_DONE]


def test_response_that_only_begins_like_a_status_may_have_a_literal():
    for word in (b"NOTES", b"OK-x", b"BYE{"):
        data = b"* " + word + b" {12}\r\nA1 OK done\r\n\r\n"
        assert receive(data + DONE) == [Untagged(data, len(data)), TAGGED_DONE]


@pytest.mark.parametrize("line", [b"* X {5} y", b"* X {+5}", b"* X {5", b"* X {a}", b"* X {}", b"* X }", b"* X {5}}"])
def test_brace_that_announces_nothing_is_text(line):
    data = line + b"\r\n"
    assert receive(data + DONE) == [Untagged(data, len(data)), TAGGED_DONE]


@pytest.mark.parametrize("behind", [b"", b")", b"}", b" OK {2}\r\nxy", b" OK", b"2}", b"{2}\r\nxy"])
def test_text_behind_a_literal_is_not_joined_to_the_text_before_it(behind):
    """At every length, since what is remembered of a long line is its two ends."""
    for length in range(80):
        for mark in (b"{3}", b"{12}"):
            data = b"* " + b"x" * length + b" " + mark + b"\r\n" + DONE[: int(mark[1:-1])] + behind + b"\r\n"
            assert check(data + DONE, [data + DONE])[-1] == TAGGED_DONE
            assert check(data + DONE, pieces(data + DONE, range(len(data))))[-1] == TAGGED_DONE


def test_announcement_is_found_at_the_end_of_a_line_of_any_length():
    for length in range(100):
        for size in (b"12", b"12".zfill(20)):
            data = b"* " + b"x" * length + b" {" + size + b"}\r\n" + DONE + b")\r\n"
            assert check(data + DONE, pieces(data + DONE, range(len(data))))[-1] == TAGGED_DONE


def test_literal_of_any_size_passes_without_being_kept():
    protocol = ClientProtocol()
    protocol.receive_data(b"* 1 FETCH (BODY[] {18446744073709551615}\r\n")
    chunk = DONE * 1000
    assert protocol.receive_data(chunk) == [Untagged(chunk, 0)]


# Boundaries


@pytest.mark.parametrize(
    ("data", "boundary"),
    [
        (b"* 1 EX", 0),
        (b"* 1 EXISTS\r", 0),
        (b"* 1 EXISTS\r\n", 12),
        (b"* 1 EXISTS\r\n* 2", 12),
        (b"* 1 FETCH (X {9}\r\n", 0),
        (b"* 1 EXISTS\r\n* 1 FETCH (X {99}\r\n* 1 EXISTS\r\n", 12),
        (b"* 1 EXISTS\r\n* 1 FETCH (X {2}\r\nxy", 12),
        (b"* 1 EXISTS\r\n* 1 FETCH (X {2}\r\nxy)\r\n", 35),
        (b"* OK {2}\r\n* 2", 10),
    ],
)
def test_boundary_is_behind_the_last_response_that_ends(data, boundary):
    assert feed([data]) == [Untagged(data, boundary)]


def test_rest_of_a_response_ends_where_it_ends_and_not_before():
    protocol = ClientProtocol()
    protocol.receive_data(b"* 1 FETCH (BODY[] {4}\r\nab")
    assert protocol.receive_data(b"\r") == [Untagged(b"\r", 0)]
    assert protocol.receive_data(b"\n FLAGS ()") == [Untagged(b"\n FLAGS ()", 0)]
    assert protocol.receive_data(b")\r\n* 2") == [Untagged(b")\r\n* 2", 3)]


def test_line_that_waits_for_its_end_is_held_between_two_responses():
    protocol = ClientProtocol()
    assert protocol.receive_data(b"* 1 EXISTS\r\nA1 OK do") == [Untagged(b"* 1 EXISTS\r\n", 12)]
    assert protocol.receive_data(b"ne\r\n") == [TAGGED_DONE]


# Limits


@pytest.mark.parametrize("start", [b"A1 OK ", b"+ ", b"garbage"])
def test_status_line_over_the_limit_is_a_violation_however_it_is_cut(start):
    data = start.ljust(STATUS_LINE, b"x") + b"\n"
    for chunks in ([data], [data[:-1], b"\n"], pieces(data, range(0, len(data), 1000)), [data[:-1] + b"x"]):
        with pytest.raises(Violation):
            feed(chunks)


def test_status_line_at_the_limit_passes():
    data = b"A1 OK ".ljust(STATUS_LINE - 2, b"x") + b"\r\n"
    for chunks in ([data], [data[:-1], b"\n"], pieces(data, range(0, len(data), 1000))):
        assert feed(chunks) == [Tagged(b"A1", b"OK", data)]


@pytest.mark.parametrize("start", [b"* SEARCH", b"* 1 FETCH (BODY[] {2}\r\nxy", b"* 1 FETCH (BODY[] {99999999}\r\n"])
def test_huge_response_is_not_kept(start):
    protocol = ClientProtocol()
    chunk = b" 1234567" * 8192
    protocol.receive_data(start)
    tracemalloc.start()
    try:
        for _ in range(200):
            protocol.receive_data(chunk)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 16 * 1024
    assert peak < 4 * len(chunk)


def test_thousands_of_responses_come_in_one_call():
    data = b"".join(
        b"* %d FETCH (X {3}\r\n* x)\r\nA%d OK done\r\n+ go\r\n" % (number, number) for number in range(3000)
    )
    assert [event.tag for event in feed([data]) if isinstance(event, Tagged)] == [b"A%d" % n for n in range(3000)]


# Properties

words = st.lists(
    st.sampled_from(
        [b"x", b"12", b"{", b"}", b"{3", b"3}", b"{3} ", b"OK", b"*", b" ", b'"', b"\r", b"x" * 29, b"\xff\0"]
    ),
    max_size=6,
).map(b"".join)
plain_words = words.filter(lambda text: not re.search(rb"\{\d+\}\Z", text))
literals = st.tuples(
    st.sampled_from([b" {%d}\r\n", b" ~{%d}\r\n"]),
    st.lists(
        st.sampled_from([DONE, b"* BYE\r\n", b"\r\n", b"{3}\r\n", b"{3}", b"+ go\r\n", b"x", b"\0"]), max_size=3
    ).map(b"".join),
    plain_words,
).map(lambda drawn: drawn[0] % len(drawn[1]) + drawn[1] + drawn[2])
untagged = st.tuples(
    st.sampled_from([b"* 1 FETCH (", b"* LIST ", b"* X", b"* OKAY ", b"* NO-"]),
    plain_words,
    st.lists(literals, max_size=3),
)
any_response = st.one_of(
    untagged.map(lambda drawn: drawn[0] + drawn[1] + b"".join(drawn[2]) + b"\r\n"),
    st.tuples(st.sampled_from([b"* OK ", b"* bye ", b"A1 OK ", b"B NO ", b"+ "]), words).map(
        lambda drawn: b"".join(drawn) + b"\r\n"
    ),
)


@settings(THOROUGH, max_examples=200)
@given(st.lists(any_response, max_size=8), st.lists(st.integers(0, 400), max_size=30))
def test_events_are_the_octets_that_came_and_boundaries_never_fall_into_a_response(sent, cuts):
    data = b"".join(sent)
    assert responses(data) == sent
    events = check(data, pieces(data, cuts))
    passed = [event.data for event in events if not isinstance(event, Untagged)]
    assert passed == [response for response in sent if not response.startswith(b"*")]


@settings(THOROUGH, max_examples=150)
@given(
    st.lists(st.one_of(any_response, st.binary(max_size=6), words), max_size=8).map(b"".join),
    st.lists(st.integers(0, 400), max_size=30),
)
def test_any_octets_either_pass_as_they_came_or_are_a_violation(data, cuts):
    def outcome(chunks):
        try:
            return [event for event in feed(chunks) if not isinstance(event, Untagged)]
        except Violation:
            return Violation

    assert outcome(pieces(data, cuts)) == outcome([data])
