"""Responses that IMAPX sends: nothing in them can start another one."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapserver.wire import response
from imapserver.wire.client_protocol import ClientProtocol, Continuation, Tagged, Untagged
from tests.support.wire import THOROUGH


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (response.status(b"100", "OK", "blacklist completed", "EXIT 0"), b"100 OK [EXIT 0] blacklist completed\r\n"),
        (response.status(b"a", "BAD", "line too long"), b"a BAD line too long\r\n"),
        (response.status(None, "BYE", "gone", "UNAVAILABLE"), b"* BYE [UNAVAILABLE] gone\r\n"),
        (response.status(b"", "BAD", "no tag"), b"* BAD no tag\r\n"),
        (response.capability(("IMAP4rev1", "EXECUTE")), b"* CAPABILITY IMAP4rev1 EXECUTE\r\n"),
        (response.continuation(), b"+ \r\n"),
        (response.continuation("OK"), b"+ OK\r\n"),
        (
            response.execute_output(b"101", "STDOUT", b"joe@smith.com\nann@jones.org\n"),
            b'* EXECUTE (TAG "101") (STDOUT {28}\r\njoe@smith.com\nann@jones.org\n)\r\n',
        ),
        (response.execute_output(b"1", "STDERR", b""), b'* EXECUTE (TAG "1") (STDERR {0}\r\n)\r\n'),
        (response.execute_output(b"1", "STDOUT", b"\0\xff"), b'* EXECUTE (TAG "1") (STDOUT ~{2}\r\n\0\xff)\r\n'),
    ],
)
def test_response_is_written_as_the_protocol_says(written, wanted):
    assert written == wanted


@settings(THOROUGH, max_examples=100)
@given(st.text())
def test_any_text_becomes_printable_ascii_that_ends_no_line_and_no_code(text):
    assert re.fullmatch(rb"[ -\\^-~]*", response.resp_text(text))
    assert len(response.resp_text(text)) == len(text)


@pytest.mark.parametrize(
    "text", ["x\r\n* BYE", "x\nA1 OK", "\0", "\x1b]0;x\x07", "[ALERT] now", "\x85\u2028", "ä", "\ud800"]
)
def test_text_can_forge_nothing(text):
    data = response.status(b"a", "NO", text, "NOPERM")
    assert ClientProtocol().receive_data(data) == [Tagged(b"a", b"NO", data)]
    assert data.count(b"]") == 1
    assert data.isascii()
    data = response.continuation(text)
    assert ClientProtocol().receive_data(data) == [Continuation(data)]


@settings(THOROUGH, max_examples=100)
@given(
    st.one_of(st.binary(), st.sampled_from([b"\r\nA1 OK EXECUTE completed\r\n* BYE\r\n", b")\r\n", b"{5}\r\n", b"{9}"]))
)
def test_output_stays_inside_its_literal_whatever_it_is(output):
    data = response.execute_output(b"100", "STDOUT", output)
    assert ClientProtocol().receive_data(data + b"100 OK x\r\n") == [
        Untagged(data, len(data)),
        Tagged(b"100", b"OK", b"100 OK x\r\n"),
    ]
    assert output in data
