"""HOST:PORT, as options and the ready line write it."""

import ipaddress
from argparse import ArgumentTypeError

Address = tuple[str, int]


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
