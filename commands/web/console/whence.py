"""Where a page's WebSocket comes from, for policy and record."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest

SCHEMES = {"ws": "http", "wss": "https"}


@dataclass(frozen=True, slots=True)
class Whence:
    remote_addr: str | None
    tls: bool
    user_agent: str


def whence(scope: dict[str, Any]) -> Whence:
    """As the pages themselves see it, by the same settings: address, TLS, and what the browser calls itself."""
    scheme = SCHEMES.get(scope.get("scheme", "ws"), "http")
    request = ASGIRequest({**scope, "type": "http", "method": "GET", "scheme": scheme}, BytesIO())
    return Whence(
        remote_addr=request.META.get("REMOTE_ADDR") or None,
        tls=request.is_secure(),
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
    )
