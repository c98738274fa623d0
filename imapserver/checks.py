"""What `manage.py check` says of the settings of this app."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from imapserver.engine.remote import parse_location


def check_web_engine(**kwargs: Any) -> list[CheckMessage]:
    url = settings.IMAPX["WEB_ENGINE"]
    try:
        if url:
            parse_location(url)
    except ValueError as error:
        hint = "Name the server that runimap has as --engine, or leave it empty: then the engine lets nobody in here."
        return [Error(f"IMAPX_WEB_ENGINE: {error}", hint=hint, id="imapserver.E001")]
    return []
