"""Non-synchronizing literals towards an engine: RFC 7888."""

import pytest

from imapserver.wire.events import CommandRefused, RelayStarted
from imapserver.wire.server_protocol import ServerProtocol


@pytest.mark.parametrize(
    ("largest", "announced", "relayed"),
    [(4096, b"{4096+}", True), (4096, b"{4097+}", False), (0, b"{1+}", False), (0, b"{1}", True)],
)
def test_literal_that_the_engine_takes_for_text_goes_no_further(largest, announced, relayed):
    protocol = ServerProtocol()
    protocol.log_in(relaying=True, served=frozenset(), unasked=largest)
    protocol.receive_data(b"a APPEND INBOX " + announced + b"\r\nb COMPRESS DEFLATE\r\n")
    event = protocol.next_event()
    assert isinstance(event, RelayStarted) is relayed
    if not relayed:
        assert isinstance(event, CommandRefused) and event.fatal
        assert protocol.next_event() is None
