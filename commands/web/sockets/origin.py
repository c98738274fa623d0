"""Lets in WebSockets of our own pages alone: browsers send cookies with those of any page."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from commands.web.console.whence import whence

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def same_origin(application: Application) -> Application:
    """A WebSocket whose Origin is not the very host and port that it asks is refused.

    Channels' own validator compares with ALLOWED_HOSTS without ports: any program's page on this machine would do."""

    async def validated(scope: dict[str, Any], receive: Any, send: Any) -> None:
        ours = _is_same(_header(scope, b"origin"), _header(scope, b"host"), whence(scope).tls)
        await (application if ours else WebsocketDenier())(scope, receive, send)

    return validated


def _is_same(origin: str, host: str, tls: bool) -> bool:
    domain, _ = split_domain_port(host.lower())
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return False
    if tls and parts.scheme != "https":  # anybody on the way can write a page of our name that comes without TLS
        return False
    return parts.netloc == host.lower()


def _header(scope: dict[str, Any], name: bytes) -> str:
    """Empty if there is none, or more than one."""
    values = [value for key, value in scope.get("headers", ()) if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""
