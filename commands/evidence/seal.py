"""The seal of an audit event: an HMAC-SHA256 of all that is evidence in it, and of the event before it. Pure.

What is sealed is the raw fields, each with its length before it, so that no two different events give the same bytes.
`id` is not in it: the database counts it, and the sequence in the chain says more.
"""

import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from struct import Struct
from typing import Any
from uuid import UUID

# The order is part of the format: a new field goes to the end.
FIELDS = (
    *("at", "kind", "outcome", "reason", "actor_id", "actor", "remote_addr", "tls", "client_id", "door"),
    *("execution_id", "verb", "revision", "rule_id", "rule", "arguments", "arguments_text", "exit_code"),
    *("bytes_in", "bytes_out", "duration", "transcript_digest", "node"),
)

_DOMAIN = b"IMAPX audit event 1\n"
_PLACE = Struct(">16sQIH")
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def encode(values: Mapping[str, Any]) -> bytes:
    """The fields as one string of bytes: `LENGTH:BYTES` each, and `-` for None. Times are whole microseconds."""
    parts = []
    for name in FIELDS:
        value = values[name]
        if value is None:
            parts.append(b"-")
        elif value == "":
            parts.append(b"0:")
        else:
            # Databases differ in how they write an address.
            raw = _address(value) if name == "remote_addr" else _RAW.get(type(value), _other)(value)
            parts.append(b"%d:%b" % (len(raw), raw))
    return b"".join(parts)


def seal(key: bytes, chain_id: UUID, sequence: int, epoch: int, previous: bytes, fields: bytes) -> bytes:
    """The seal of the event with these encoded fields; `previous` is that of the one before it, empty for the first."""
    place = _PLACE.pack(chain_id.bytes, sequence, epoch, len(previous))
    return hmac.digest(key, b"".join((_DOMAIN, place, previous, fields)), "sha256")


def fits(mac: bytes, expected: bytes) -> bool:
    return hmac.compare_digest(mac, expected)


def _other(value: Any) -> bytes:
    if isinstance(value, str):  # an enumeration's
        return value.encode()
    raise TypeError(f"{type(value)} can't be sealed")


@lru_cache(maxsize=1024)
def _address(text: str) -> bytes:
    return ip_address(text).packed


def _number(value: int) -> bytes:
    return b"%d" % value


_RAW: dict[type, Callable[[Any], bytes]] = {
    str: str.encode,
    bool: _number,
    int: _number,
    bytes: bytes,
    memoryview: bytes,
    UUID: lambda value: value.bytes,
    datetime: lambda value: _number((value - _BEGINNING) // _MICROSECOND),
    timedelta: lambda value: _number(value // _MICROSECOND),
}
