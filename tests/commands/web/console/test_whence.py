from typing import Any

import pytest

from commands.web.console.whence import Whence, whence


def scope(**about: Any) -> dict[str, Any]:
    headers = [(b"user-agent", b"Browser/1"), (b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]
    return {"type": "websocket", "path": "/ws/console/", "client": ["192.0.2.7", 4000], "headers": headers, **about}


@pytest.mark.parametrize(("about", "tls"), [({}, False), ({"scheme": "ws"}, False), ({"scheme": "wss"}, True)])
def test_address_and_tls_are_of_the_connection_and_not_what_a_header_says(about: dict[str, Any], tls: bool) -> None:
    assert whence(scope(**about)) == Whence("192.0.2.7", tls, "Browser/1")
