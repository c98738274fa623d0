"""What a service is told of the user before the dialogue: PROXY protocol (haproxy's proxy-protocol.txt), XCLIENT.

A service must take these from this server alone: whoever can send one is whoever it names.
"""

import ipaddress
import re
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from commands.attempt import Attempt
from commands.execution.buffer import Buffer
from commands.execution.executable import ExecutableUnavailable

USERNAME_TLV = 0xE0
"""Type of the user's name, in UTF-8, in a PROXY header of version 2: PP2_TYPE_MIN_CUSTOM, the first of those that are
left to applications."""

_V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_V2_PROXY = 0x21  # version 2, on behalf of another
_UNSPEC, _TCP4, _TCP6 = 0x00, 0x11, 0x21

MAX_REPLY_LINES = 100

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Connection(Protocol):
    @property
    def stdout(self) -> Buffer: ...

    async def write(self, data: bytes, /) -> None: ...


async def send_nothing(attempt: Attempt, connection: Connection) -> None:
    pass


async def send_proxy_v1(attempt: Attempt, connection: Connection) -> None:
    await connection.write(proxy_v1(attempt))


async def send_proxy_v2(attempt: Attempt, connection: Connection) -> None:
    await connection.write(proxy_v2(attempt))


async def send_xclient(attempt: Attempt, connection: Connection) -> None:
    """Postfix's XCLIENT: the greeting that answers it is the client's first output."""
    await _expect(connection, b"220")
    await connection.write(b"EHLO localhost\r\n")
    offered = _xclient_attributes(await _expect(connection, b"250"))
    if not {"ADDR", "LOGIN"} <= offered:
        raise ExecutableUnavailable("the service does not offer XCLIENT with ADDR and LOGIN to this server")
    await connection.write(xclient(attempt))
    greeting = await _expect(connection, b"220")
    connection.stdout.give_back(b"".join(greeting))


def proxy_v1(attempt: Attempt) -> bytes:
    """The client's port and its destination are not known here, and nobody decides by them: 0."""
    address = _address(attempt)
    if address is None:
        return b"PROXY UNKNOWN\r\n"
    return f"PROXY TCP{address.version} {address} {_nowhere(address)} 0 0\r\n".encode()


def proxy_v2(attempt: Attempt) -> bytes:
    name = attempt.username.encode("utf-8", "surrogateescape")
    tlv = struct.pack("!BH", USERNAME_TLV, len(name)) + name
    address = _address(attempt)
    if address is None:
        family, addresses = _UNSPEC, b""
    else:
        family = _TCP4 if address.version == 4 else _TCP6
        addresses = address.packed + _nowhere(address).packed + struct.pack("!HH", 0, 0)
    return _V2_SIGNATURE + struct.pack("!BBH", _V2_PROXY, family, len(addresses + tlv)) + addresses + tlv


def xclient(attempt: Attempt) -> bytes:
    address = _address(attempt)
    shown = "[UNAVAILABLE]" if address is None else f"IPV6:{address}" if address.version == 6 else str(address)
    return b"XCLIENT ADDR=%s LOGIN=%s\r\n" % (shown.encode(), xtext(attempt.username))


def xtext(text: str) -> bytes:
    """RFC 1891 section 5: no character in it can end the attribute, or the line."""
    return re.sub(rb"[^!-*,-<>-~]", lambda found: b"+%02X" % found[0][0], text.encode("utf-8", "surrogateescape"))


def _address(attempt: Attempt) -> IPAddress | None:
    try:
        address = ipaddress.ip_address((attempt.remote_addr or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _nowhere(address: IPAddress) -> IPAddress:
    return ipaddress.ip_address("0.0.0.0" if address.version == 4 else "::")


async def _expect(connection: Connection, code: bytes) -> list[bytes]:
    """The lines of an SMTP reply (RFC 5321 section 4.2) with this code. Raises ExecutableUnavailable and EOFError."""
    lines: list[bytes] = []
    while len(lines) < MAX_REPLY_LINES:
        line = await connection.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the service has closed the connection before the dialogue")
        if line[:3] != code:
            raise ExecutableUnavailable(f"the service answers {line[:200]!r}")
        lines.append(line)
        if line[3:4] != b"-":
            return lines
    raise ExecutableUnavailable("the service answers without end")


def _xclient_attributes(reply: list[bytes]) -> set[str]:
    for line in reply:
        keyword, *attributes = line[4:].decode("ascii", "replace").upper().split()[:20] or [""]
        if keyword == "XCLIENT":
            return set(attributes)
    return set()


# By the verb's `preamble`.
PREAMBLES: Mapping[str, Callable[[Attempt, Connection], Awaitable[None]]] = {
    "none": send_nothing,
    "proxy-v1": send_proxy_v1,
    "proxy-v2": send_proxy_v2,
    "xclient": send_xclient,
}
