"""Columns of values as PostgreSQL's binary arrays: nothing is quoted, and nothing parsed at the other end."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from ipaddress import ip_address
from struct import Struct
from typing import Any, NamedTuple

_ARRAY = Struct(">iiIii")  # dimensions, whether it may have nulls, type of its elements, how many, number of the first
_EMPTY = Struct(">iiI")
_LENGTH = Struct(">i")
_NULL = _LENGTH.pack(-1)
_INTERVAL = Struct(">iqii")  # its length, microseconds, days, months

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INET = {4: b"\x02\x20\x00\x04", 6: b"\x03\x80\x00\x10"}  # family, bits, no network, octets


class Type(NamedTuple):
    name: str
    oid: int
    element: Callable[[Any], bytes]
    """A value with its length before it."""


def array(kind: Type, values: Sequence[Any]) -> bytes:
    if not values:
        return _EMPTY.pack(0, 0, kind.oid)
    element = kind.element
    head = _ARRAY.pack(1, 1, kind.oid, len(values), 1)
    return head + b"".join([_NULL if value is None else element(value) for value in values])


def scalar(kind: Type, value: Any) -> bytes:
    return kind.element(value)[4:]


def _octets(raw: bytes) -> bytes:
    return _LENGTH.pack(len(raw)) + raw


def _number(code: str, size: int) -> Callable[[int], bytes]:
    return partial(Struct(">i" + code).pack, size)


@lru_cache(maxsize=1024)
def _inet(text: str) -> bytes:
    address = ip_address(text)
    return _octets(_INET[address.version] + address.packed)


_EMPTY_TEXT = _octets(b"")

_SMALL = Type("int2", 21, _number("h", 2))
_INTEGER = Type("int4", 23, _number("i", 4))
_BIG = Type("int8", 20, _number("q", 8))
_TEXT = Type("text", 25, lambda value: _octets(value.encode()) if value else _EMPTY_TEXT)

big = Struct(">q").pack

TYPES = {
    "SmallIntegerField": _SMALL,
    "PositiveSmallIntegerField": _SMALL,
    "IntegerField": _INTEGER,
    "PositiveIntegerField": _INTEGER,
    "BigIntegerField": _BIG,
    "PositiveBigIntegerField": _BIG,
    "CharField": _TEXT,
    "TextField": _TEXT,
    "BooleanField": Type("bool", 16, lambda value: b"\0\0\0\1\1" if value else b"\0\0\0\1\0"),
    "BinaryField": Type("bytea", 17, _octets),
    "UUIDField": Type("uuid", 2950, lambda value: b"\0\0\0\x10" + value.bytes),
    "DateTimeField": Type("timestamptz", 1184, lambda value: _BIG.element((value - _BEGINNING) // _MICROSECOND)),
    "DurationField": Type("interval", 1186, lambda value: _INTERVAL.pack(16, value // _MICROSECOND, 0, 0)),
    "GenericIPAddressField": Type("inet", 869, _inet),
}
"""By the name of Django's field."""
