"""Addresses of services, as the map writes them: tcp://HOST:PORT, tls://HOST:PORT, unix:/absolute/path. Pure."""

import ipaddress
import re
from dataclasses import dataclass

_NETWORK = re.compile(r"(?P<scheme>tcp|tls)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")

# What sun_path of unix(7) holds, its NUL at the end among them.
MAX_PATH = 107


@dataclass(frozen=True, slots=True)
class Address:
    """Of a Unix socket `path` is set, of any other `host` (no brackets) and `port`."""

    host: str = ""
    port: int = 0
    path: str = ""
    tls: bool = False


def parse_address(text: str) -> Address:
    """ValueError, whose text says what was expected, for what is no address."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path.startswith("/") or "\0" in path or len(path.encode(errors="replace")) > MAX_PATH:
            raise ValueError(f"After unix: goes an absolute path of at most {MAX_PATH} bytes.")
        return Address(path=path)
    found = _NETWORK.fullmatch(text)
    if found is None:
        raise ValueError("Give tcp://HOST:PORT, tls://HOST:PORT or unix:/absolute/path.")
    host, port = found["host"], int(found["port"])
    if not 1 <= port <= 65535:
        raise ValueError("A port is a number from 1 to 65535.")
    if host.startswith("["):
        host = host[1:-1]
        try:
            ipaddress.IPv6Address(host)
        except ValueError as error:
            raise ValueError(f"{host} is no IPv6 address.") from error
    elif not _HOST_NAME.fullmatch(host):
        raise ValueError(f"{host} is no host name.")
    return Address(host=host, port=port, tls=found["scheme"] == "tls")
