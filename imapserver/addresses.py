"""Addresses: HOST:PORT as options and the ready line write it, and where a client comes from."""

import ipaddress
from argparse import ArgumentTypeError
from collections.abc import Iterable

Address = tuple[str, int]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def address(text: str) -> Address:
    """Read HOST:PORT; an IPv6 address may stand in brackets. Raises ArgumentTypeError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def shown(of: Address) -> str:
    host, port = of
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def unmapped(host: str) -> str:
    """The IPv4 address that `host` stands for where a socket for both protocols shows it as IPv6."""
    try:
        mapped = ipaddress.IPv6Address(host).ipv4_mapped
    except ValueError:
        return host
    return str(mapped) if mapped is not None else host


def source(host: str) -> str:
    """What limits and penalties count as one place: an IPv4 address, a /64 network of IPv6, which is the least that
    anybody is given and holds more addresses than can be counted. Empty for what is no IP address."""
    try:
        address = ipaddress.ip_address(unmapped(host))
    except ValueError:
        return ""
    if address.version == 4 or address.is_loopback:
        return str(address)
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64))


def is_within(host: str, networks: Iterable[Network]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)
