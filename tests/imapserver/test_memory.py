"""What idle connections cost in memory."""

import contextlib
import ssl

from tests.support.conversation import Client
from tests.support.process import resident
from tests.support.server import Server

MANY, EACH = 200, 64 * 1024


def test_idle_tls_connection_is_small_and_leaves_nothing_behind(server: Server) -> None:
    tls = ssl.create_default_context(cafile=str(server.data / "tls" / "certificate.pem"))
    before = resident(server.pid)
    for _ in range(4):
        with contextlib.ExitStack() as clients:
            for _ in range(MANY):
                clients.enter_context(Client(server.imaps, tls=tls)).until(r"\* OK")
            assert resident(server.pid) - before < MANY * EACH
