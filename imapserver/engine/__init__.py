"""The engines: where the mail is kept."""

import logging
from pathlib import Path

from django.conf import settings

from imapserver.engine.connection import EngineUnavailable
from imapserver.engine.engine import Engine
from imapserver.engine.none import NoEngine
from imapserver.engine.private_dovecot import PrivateDovecot, find_dovecot
from imapserver.engine.remote import MasterUser, RemoteEngine
from imapserver.wire.secret import Secret

logger = logging.getLogger(__name__)


def choose(name: str) -> Engine:
    """Return the engine that --engine names, not started. Raises ValueError for what names none, or is set wrong."""
    match name:
        case "none":
            return NoEngine()
        case "dovecot":
            return PrivateDovecot(settings.DATA_DIR)
        case "auto":
            try:
                find_dovecot()
            except EngineUnavailable as error:
                logger.info("No mail engine, only EXECUTE is served: %s", error)
                return NoEngine()
            return PrivateDovecot(settings.DATA_DIR)
    if ":" not in name:
        raise ValueError(f"There is no engine {name!r}: use auto, dovecot, none, or the URL of an IMAP server.")
    return _remote(name)


def _remote(url: str) -> RemoteEngine:
    imapx = settings.IMAPX
    master = None
    if imapx["ENGINE_LOGIN"] == "master":
        if not imapx["ENGINE_MASTER_USER"] or not imapx["ENGINE_MASTER_PASSWORD"]:
            raise ValueError(
                "IMAPX_ENGINE_LOGIN=master needs IMAPX_ENGINE_MASTER_USER and IMAPX_ENGINE_MASTER_PASSWORD."
            )
        master = MasterUser(imapx["ENGINE_MASTER_USER"], Secret(imapx["ENGINE_MASTER_PASSWORD"].encode()))
    return RemoteEngine(
        url,
        start_tls=imapx["ENGINE_TLS"] == "starttls",
        ca=Path(imapx["ENGINE_CA"]) if imapx["ENGINE_CA"] else None,
        master=master,
        lowercase=imapx["ENGINE_LOWERCASE"],
        send_origin=imapx["ENGINE_SEND_ORIGIN"],
        login_seconds=imapx["ENGINE_LOGIN_SECONDS"],
    )
