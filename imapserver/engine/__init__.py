"""The engines: where the mail is kept."""

import logging

from django.conf import settings

from imapserver.engine.engine import Engine, EngineConnection, EngineUnavailable
from imapserver.engine.none import NoEngine
from imapserver.engine.private_dovecot import PrivateDovecot, find_dovecot

__all__ = ["Engine", "EngineConnection", "EngineUnavailable", "choose"]

logger = logging.getLogger(__name__)


def choose(name: str) -> Engine:
    """Return the engine that --engine names, not started. Raises ValueError for a name that there is not."""
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
    raise ValueError(f"There is no engine {name!r}: use auto, dovecot or none.")
