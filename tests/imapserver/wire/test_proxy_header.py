"""PROXY headers: what is one, what it says, and where it ends."""

import struct

import pytest

from imapserver.wire.proxy_header import BadProxyHeader, ProxyHeader, ProxyHeaderReader

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
IPV4 = bytes([192, 0, 2, 7]) + bytes([198, 51, 100, 1]) + struct.pack("!HH", 40000, 143)
IPV6 = bytes.fromhex("20010db8000000000000000000000007") + bytes(16) + struct.pack("!HH", 40000, 993)
LONGEST = b":".join([b"ffff"] * 8)
REST = b"a NOOP\r\n\x16\x03\x01"


def binary(command: int, family: int, rest: bytes) -> bytes:
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(rest)) + rest


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


GOOD = {
    b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 143\r\n": ProxyHeader(("192.0.2.7", 40000)),
    b"PROXY TCP6 2001:DB8::7 ::1 40000 143\r\n": ProxyHeader(("2001:db8::7", 40000)),
    b"PROXY TCP6 ffff:f:f:f:f:f:f:f " + b"ffff:" * 7 + b"ffff 65535 65535\r\n": ProxyHeader(
        ("ffff:f:f:f:f:f:f:f", 65535)
    ),
    b"PROXY UNKNOWN\r\n": ProxyHeader(None),
    b"PROXY UNKNOWN ffff::1 \xff 1 2\r\n": ProxyHeader(None),
    binary(0x21, 0x11, IPV4): ProxyHeader(("192.0.2.7", 40000)),
    binary(0x21, 0x21, IPV6): ProxyHeader(("2001:db8::7", 40000)),
    binary(0x21, 0x11, IPV4 + tlv(4, b"") + tlv(0xE0, bytes(2000))): ProxyHeader(("192.0.2.7", 40000)),
    binary(0x21, 0x11, IPV4 + tlv(0x20, b"\1\0\0\0\0")): ProxyHeader(("192.0.2.7", 40000), tls=True),
    binary(0x21, 0x11, IPV4 + tlv(0x20, b"\2\0\0\0\0")): ProxyHeader(("192.0.2.7", 40000)),
    binary(0x21, 0x11, IPV4 + tlv(0x20, b"")): ProxyHeader(("192.0.2.7", 40000)),
    binary(0x21, 0x31, bytes(216)): ProxyHeader(None),
    binary(0x21, 0x00, b""): ProxyHeader(None),
    binary(0x20, 0x00, b""): ProxyHeader(None),
    binary(0x20, 0x11, IPV4): ProxyHeader(None),
    binary(0x20, 0xFF, b"anything"): ProxyHeader(None),
}

BAD = [
    b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 143\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n",
    b"PROXY TCP4 192.0.2.7  198.51.100.1 40000 143\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 +40000 143\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4_0 143\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 040 143\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 143\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 \xd9\xa3\r\n",
    b"PROXY TCP4 192.0.2.07 198.51.100.1 40000 143\r\n",
    b"PROXY TCP4 192.0.2.256 198.51.100.1 40000 143\r\n",
    b"PROXY TCP4 ::1 ::1 40000 143\r\n",
    b"PROXY TCP6 192.0.2.7 192.0.2.8 40000 143\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::1 40000 143\r\n",
    b"PROXY UDP4 192.0.2.7 198.51.100.1 40000 143\r\n",
    b"PROXY UNKNOWNS\r\n",
    b"PROXY UNKNOWN \r \r\n",
    b"PROXY \r\n",
    b"PROXY " + b"x" * 101,
    b"proxy TCP4 192.0.2.7 198.51.100.1 40000 143\r\n",
    b"a LOGIN demo demo\r\n",
    b"\x16\x03\x01\x02\x00",
    b"\r\n\r\nQUIT\r\n",
    binary(0x11, 0x11, IPV4),
    binary(0x22, 0x11, IPV4),
    binary(0x21, 0x12, IPV4),
    binary(0x21, 0x41, IPV4),
    binary(0x21, 0x11, IPV4[:-1]),
    binary(0x21, 0x21, IPV4),
    binary(0x21, 0x11, IPV4 + b"\4"),
    binary(0x21, 0x11, IPV4 + b"\4\xff\xffx"),
    binary(0x21, 0x11, IPV4 + bytes(4096)),
]


@pytest.mark.parametrize("octets", GOOD, ids=repr)
def test_header_is_read_to_its_end_and_not_an_octet_further(octets: bytes) -> None:
    reader = ProxyHeaderReader()
    taken = 0
    while reader.header is None:
        # As the kernel shows it again: what was not taken, with what follows.
        taken += reader.take((octets + REST)[taken:])
    assert reader.header == GOOD[octets]
    assert taken == len(octets)


@pytest.mark.parametrize("octets", GOOD, ids=repr)
def test_header_may_come_octet_by_octet(octets: bytes) -> None:
    reader = ProxyHeaderReader()
    for index in range(len(octets)):
        assert reader.header is None
        assert reader.take(octets[index : index + 1]) == 1
    assert reader.header == GOOD[octets]


@pytest.mark.parametrize("octets", BAD, ids=repr)
def test_anything_else_is_refused(octets: bytes) -> None:
    for step in (1, len(octets)):
        reader, data = ProxyHeaderReader(), octets
        with pytest.raises(BadProxyHeader):
            while data and reader.header is None:
                data = data[reader.take(data[:step]) :]
        assert reader.header is None
