"""Behind a web server with TLS: who asks, and whether over TLS, is what that server says."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any

from django.conf import settings

from imapserver.addresses import is_within, unmapped

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

SECURE = {"http": "https", "ws": "wss"}


def forwarded(application: Application) -> Application:
    """For `http` and `websocket`: from IMAPX["WEB_PROXY_FROM"] `client` and `scheme` are set from X-Forwarded-For and
    X-Forwarded-Proto. Nothing behind this sees any X-Forwarded-… or Forwarded header, whoever has sent it."""

    async def believed(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = (
                scope
                | {"headers": [header for header in scope["headers"] if not _is_hearsay(header[0])]}
                | _told(scope)
            )
        await application(scope, receive, send)

    return believed


def _is_hearsay(name: bytes) -> bool:
    return name.startswith(b"x-forwarded-") or name in (b"forwarded", b"x-real-ip")


def _told(scope: dict[str, Any]) -> dict[str, Any]:
    proxies = settings.IMAPX["WEB_PROXY_FROM"]
    host, _ = scope.get("client") or ("", 0)
    if not is_within(unmapped(host), proxies):
        return {}
    told: dict[str, Any] = {}
    # Each server adds whom it was asked by: from the end, the first that is none of them. What is before it anybody
    # can have written.
    for text in reversed(_values(scope["headers"], b"x-forwarded-for")):
        address = _address(text)
        # Not the server in front, of which monitors may be trusted: nobody knows who it is.
        told["client"] = [address, 0] if address else None
        if not is_within(address, proxies):
            break
    if _values(scope["headers"], b"x-forwarded-proto")[-1:] in (["https"], ["wss"]):
        scheme = scope.get("scheme", "http" if scope["type"] == "http" else "ws")
        told["scheme"] = SECURE.get(scheme, scheme)
    return told


def _address(text: str) -> str:
    """Empty if it is none: `unknown`, a name, one with a port."""
    try:
        return str(ip_address(unmapped(text.partition("%")[0])))
    except ValueError:
        return ""


def _values(headers: Headers, name: bytes) -> list[str]:
    return [part.strip() for key, value in headers if key == name for part in value.decode("latin-1").split(",")]
