"""A message of the server's own fetch is taken out; all else goes on, byte for byte, however it is cut."""

import pytest

from imapserver.wire.exceptions import Violation
from imapserver.wire.fetched import LINE, MessageFilter
from tests.support.wire import cuttings

BODY = b"From: a\r\n\r\n* 9 EXISTS\r\nx OK y\r\n)\r\n{5}\r\n"
OURS = b"* 2 FETCH (UID 7 BODY[] {%d}\r\n%b)\r\n" % (len(BODY), BODY)


def filtered(data: bytes, limit: int = 1000) -> tuple[bytes, bytes, int | None]:
    """What goes on, the message, and its size."""
    results = set()
    for chunks in ([data], *cuttings(data)):
        each = MessageFilter(limit)
        others = b"".join(map(each.receive_data, chunks))
        results.add((others, each.take(), each.size))
    (result,) = results
    return result


def test_message_is_taken_out_of_what_else_is_said():
    before = b"* 12 EXISTS\r\n* OK x {3}\r\n* LIST () {7}\r\na\r\n* b)\r\n* 1 FETCH (FLAGS (\\Seen))\r\n"
    after = b"* 3 EXPUNGE\r\nI1 OK done\r\n"
    assert filtered(before + OURS + after) == (before + after, BODY, len(BODY))


def test_flags_that_come_with_it_are_not_lost():
    for data in (
        b"* 2 FETCH (FLAGS (\\Seen) UID 7 BODY[] {1}\r\nx)\r\n",
        b"* 2 FETCH (UID 7 BODY[] {1}\r\nx FLAGS (\\Seen))\r\n",
    ):
        assert filtered(data) == (b"* 2 FETCH (FLAGS (\\Seen))\r\n", b"x", 1)


@pytest.mark.parametrize("empty", [b'""', b"NIL", b"{0}\r\n"])
def test_empty_message_is_a_message(empty):
    assert filtered(b"* 2 FETCH (BODY[] " + empty + b" UID 7)\r\nI1 OK\r\n") == (b"I1 OK\r\n", b"", 0)


def test_no_message_is_none():
    assert filtered(b"I1 OK nothing\r\n") == (b"I1 OK nothing\r\n", b"", None)


def test_too_large_message_is_not_kept_but_taken_out():
    assert filtered(OURS + b"I1 OK\r\n", limit=3) == (b"I1 OK\r\n", b"", len(BODY))


def test_line_without_an_end_is_a_violation():
    with pytest.raises(Violation):
        MessageFilter(1).receive_data(b"* " + b"x" * LINE)
