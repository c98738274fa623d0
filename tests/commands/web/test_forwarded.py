"""Whom a web server in front is believed to speak for, by pages and by WebSockets."""

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from imapx_site.forwarded import forwarded

FRONT = ["10.0.0.0/24", "::1"]


@pytest.fixture(autouse=True)
def front(settings: Any) -> None:
    settings.IMAPX = settings.IMAPX | {"WEB_PROXY_FROM": [ip_network(each) for each in FRONT]}


def seen(peer: str, *headers: tuple[str, str], kind: str = "http", scheme: str = "http") -> dict[str, Any]:
    """The scope behind it."""
    scopes: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scopes.append(scope)

    given = [(name.encode(), value.encode()) for name, value in headers]
    asyncio.run(
        forwarded(application)({"type": kind, "scheme": scheme, "client": [peer, 7], "headers": given}, None, None)
    )
    return scopes[0]


def by(*forwarded_for: str) -> Any:
    return seen("10.0.0.1", *(("x-forwarded-for", each) for each in forwarded_for))["client"]


@pytest.mark.parametrize(
    "headers",
    [
        ("203.0.113.9, 192.0.2.7",),
        ("203.0.113.9", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7, 10.0.0.2",),
        ("203.0.113.9", "192.0.2.7,10.0.0.2", "10.0.0.3"),
        ("127.0.0.1, ::ffff:192.0.2.7",),
        ("junk, 192.0.2.7",),
    ],
)
def test_client_is_the_last_that_is_no_server_in_front(headers: tuple[str, ...]) -> None:
    assert by(*headers) == ["192.0.2.7", 0]


@pytest.mark.parametrize("text", ["", "unknown", "192.0.2.7:4711", "[2001:db8::1]:4711", "127.0.0.1, unknown"])
def test_client_whose_address_can_not_be_read_is_nobody_and_not_the_server_in_front(text: str) -> None:
    assert by(text) is None


def test_zone_of_an_address_is_dropped_since_no_database_takes_it() -> None:
    assert by("fe80::1%eth0") == ["fe80::1", 0]


def test_without_the_header_it_is_the_peer() -> None:
    assert by() == ["10.0.0.1", 7]


def test_from_others_nothing_is_believed_and_from_nobody_is_it_passed_on() -> None:
    told = [(name, "192.0.2.7") for name in ("x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip")]
    scope = seen("192.0.2.1", *told, ("x-forwarded-proto", "https"), ("host", "here"))
    assert (scope["client"], scope["scheme"], scope["headers"]) == (["192.0.2.1", 7], "http", [(b"host", b"here")])
    assert seen("::1", *told, ("host", "here"))["headers"] == [(b"host", b"here")]


@pytest.mark.parametrize(("kind", "plain", "secure"), [("http", "http", "https"), ("websocket", "ws", "wss")])
def test_tls_is_what_the_last_server_in_front_has_said(kind: str, plain: str, secure: str) -> None:
    for told, scheme in (("https", secure), ("http", plain), ("https, http", plain), ("http, https", secure)):
        header = ("x-forwarded-proto", told)
        assert seen("10.0.0.1", header, kind=kind, scheme=plain)["scheme"] == scheme
