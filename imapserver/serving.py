"""Start everything in order, serve until a signal, and stop it all in the opposite order."""

import asyncio
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from commands import audit, lost
from commands.live.look import look
from imapserver.accept import raise_descriptor_limit
from imapserver.addresses import Address, shown
from imapserver.condition import condition
from imapserver.memory import keep_tls_buffers_apart
from imapserver.server import ImapServer
from imapserver.web import Web

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Ready:
    """What is served, and where: HOST:PORT, `web` as an URL; None where there is no web."""

    imap: str
    imaps: str
    web: str | None
    engine: str

    def __str__(self) -> str:
        """The line that scripts wait for."""
        web = f" web={self.web}" if self.web else ""
        return f"IMAPX ready imap={self.imap} imaps={self.imaps}{web} engine={self.engine}"


async def serve(
    server: ImapServer,
    *,
    imap: Address,
    imaps: Address,
    reload: Callable[[], None],
    web: Web | None,
    announce: Callable[[Ready], None],
) -> None:
    """Serve until SIGTERM or SIGINT; drain; a second signal ends the draining. SIGHUP calls `reload`.

    Raises OSError and EngineUnavailable, when nothing of it is left running."""
    raise_descriptor_limit()
    keep_tls_buffers_apart()
    stopping = asyncio.Event()
    _on_signal(stopping.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    watching = asyncio.get_running_loop().create_task(lost.watch())
    telling: asyncio.Task[None] | None = None
    try:
        await server.engine.start()
        telling = asyncio.get_running_loop().create_task(condition.watch(server.engine))
        plain = await server.listen(*imap, tls=False)
        tls = await server.listen(*imaps, tls=True)
        web_address = f"http://{shown(web.address)}" if web is not None else None
        announce(Ready(shown(plain), shown(tls), web_address, server.engine.name))
        await stopping.wait()
        logger.info("Draining: executions may go on for %g s; a second signal ends them now", _drain_seconds())
        draining = asyncio.get_running_loop().create_task(server.drain(_drain_seconds()))
        _on_signal(draining.cancel)
        await asyncio.wait([draining])
    finally:
        watching.cancel()
        if telling is not None:
            telling.cancel()
            await condition.end()
        await server.engine.stop()
        await look.finish()
        await asyncio.to_thread(audit.writer.stop)
        if web is not None:
            web.stop()


def _drain_seconds() -> float:
    seconds: float = settings.IMAPX["DRAIN_SECONDS"]
    return seconds


def _on_signal(act: Callable[[], object]) -> None:
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, act)
