"""Addresses of services in the map."""

import pytest

from commands.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://127.0.0.1:25", Address("127.0.0.1", 25)),
        ("tcp://mail-1.example:2525", Address("mail-1.example", 2525)),
        ("tls://[::1]:465", Address("::1", 465, tls=True)),
        ("unix:/run/service/socket", Address(path="/run/service/socket")),
    ],
)
def test_addresses_that_are_taken(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        *["", "localhost:25", "http://localhost:25", "tcp://localhost", "tcp://:25", "tcp://a b:25", "tcp://-a:25"],
        *["tcp://localhost:0", "tcp://localhost:65536", "tcp://[x]:25", "tcp://[1]:25", "tcp://::1:25"],
        *["tcp://user@localhost:25", "tcp://localhost:25/", "tcp://localhost:25\n", "tcp://a..b:1"],
        *["unix:", "unix:relative", "unix:/a\0b", "unix:/" + "x" * 107, "unix://" + "x" * 200],
    ],
)
def test_what_is_no_address_is_refused_with_what_was_expected(text):
    with pytest.raises(ValueError, match=r"tcp://HOST:PORT|absolute path|port|IPv6|host name"):
        parse_address(text)
