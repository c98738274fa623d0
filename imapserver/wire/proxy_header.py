"""The header that a load balancer puts before a client's octets: PROXY protocol, versions 1 and 2.

By HAProxy's doc/proxy-protocol.txt, sections 2.1 and 2.2. Numbers are read as strictly as it writes them.
"""

import ipaddress
import re
import struct
from dataclasses import dataclass

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""Of version 2."""

FIXED_OCTETS = 16
"""How long a version 2 header is before it says how long it is."""

LINE_OCTETS = 107
"""The longest line of version 1, by its section 2.1."""

HEADER_OCTETS = 4096
"""The longest header of version 2 that is taken: 16 bits would allow 64 KiB, addresses and what is known of TLS and of
cloud networks take some hundred."""

LINE = re.compile(rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})\r\n")
UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")

LOCAL, PROXIED = 0x20, 0x21
ADDRESS_OCTETS = {0x00: 0, 0x11: 12, 0x21: 36, 0x31: 216}
"""By family and transport: none, TCP over IPv4, over IPv6, and a Unix socket. A datagram carries no IMAP."""

TLS_FACTS = 0x20
"""PP2_TYPE_SSL; bit 0 of its first octet (PP2_CLIENT_SSL): the client has come to the load balancer over TLS."""


class BadProxyHeader(ValueError):
    """What came is no PROXY header: nothing after it can be trusted to be a client's."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    source: tuple[str, int] | None
    """The client's address; None where the header names none (LOCAL, UNKNOWN): then the peer's own holds."""
    tls: bool = False
    """Whether the client has come to the sender of the header over TLS."""


class ProxyHeaderReader:
    """Give `take` what has come until `header` is set."""

    def __init__(self) -> None:
        self.header: ProxyHeader | None = None
        self._octets = b""

    def take(self, data: bytes) -> int:
        """Return how many octets of `data`, of which there are some, belong to the header. Raises BadProxyHeader."""
        octets = self._octets + data
        size = _size(octets)
        taken = min(len(data), (FIXED_OCTETS if octets[0] == SIGNATURE[0] else LINE_OCTETS) - len(self._octets))
        if size is not None:
            taken = min(len(data), size - len(self._octets))
        self._octets += data[:taken]
        if len(self._octets) == size:
            self.header = _binary(self._octets) if self._octets[0] == SIGNATURE[0] else _line(self._octets)
        return taken


def _size(octets: bytes) -> int | None:
    """How long the header that begins so is, as far as it is known."""
    if octets.startswith(SIGNATURE[: len(octets)]):
        if len(octets) < FIXED_OCTETS:
            return None
        size: int = FIXED_OCTETS + struct.unpack_from("!H", octets, 14)[0]
        if size > HEADER_OCTETS:
            raise BadProxyHeader(f"a header of {size} octets")
        return size
    if not octets.startswith(b"PROXY "[: len(octets)]):
        raise BadProxyHeader("no PROXY header")
    end = octets.find(b"\n", 0, LINE_OCTETS)
    if end < 0 and len(octets) >= LINE_OCTETS:
        raise BadProxyHeader("a line without an end")
    return end + 1 if end >= 0 else None


def _line(octets: bytes) -> ProxyHeader:
    if UNKNOWN.fullmatch(octets):
        return ProxyHeader(None)
    match = LINE.fullmatch(octets)
    if match is None:
        raise BadProxyHeader("a malformed line")
    version = 4 if match[1] == b"TCP4" else 6
    try:
        source, destination = (ipaddress.ip_address(match[number].decode()) for number in (2, 3))
    except ValueError:
        raise BadProxyHeader("a malformed address") from None
    ports = int(match[4]), int(match[5])
    if source.version != version or destination.version != version or max(ports) > 65535:
        raise BadProxyHeader("an address or port of another kind")
    return ProxyHeader((str(source), ports[0]))


def _binary(octets: bytes) -> ProxyHeader:
    command, family = octets[12], octets[13]
    if command == LOCAL:
        return ProxyHeader(None)
    if command != PROXIED or family not in ADDRESS_OCTETS:
        raise BadProxyHeader("another version, command or transport")
    size = ADDRESS_OCTETS[family]
    addresses, facts = octets[FIXED_OCTETS : FIXED_OCTETS + size], octets[FIXED_OCTETS + size :]
    if len(addresses) < size:
        raise BadProxyHeader("cut-off addresses")
    tls = _over_tls(facts)
    if family in (0x11, 0x21):
        length = 4 if family == 0x11 else 16
        port: int = struct.unpack_from("!H", addresses, 2 * length)[0]
        return ProxyHeader((str(ipaddress.ip_address(addresses[:length])), port), tls)
    return ProxyHeader(None, tls)


def _over_tls(facts: bytes) -> bool:
    """Read type-length-value triples to their end."""
    tls = False
    while facts:
        if len(facts) < 3:
            raise BadProxyHeader("a cut-off TLV")
        kind, size = struct.unpack_from("!BH", facts)
        value, facts = facts[3 : 3 + size], facts[3 + size :]
        if len(value) < size:
            raise BadProxyHeader("a cut-off TLV")
        if kind == TLS_FACTS:
            tls = bool(value and value[0] & 1)
    return tls
