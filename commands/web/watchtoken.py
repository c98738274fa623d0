"""The token of a page that watches an execution: only who has opened the page has it, and to open it was recorded."""

import uuid
from typing import Any

from django.conf import settings
from django.core import signing

SALT = "commands.watch"


def make(execution_id: uuid.UUID, user_id: int | None) -> str:
    return signing.dumps([str(execution_id), user_id], salt=SALT)


def is_good(token: Any, execution_id: uuid.UUID, user_id: int) -> bool:
    if not isinstance(token, str):
        return False
    try:
        told = signing.loads(token, salt=SALT, max_age=settings.SESSION_COOKIE_AGE)
    except (signing.BadSignature, UnicodeEncodeError):  # the latter: half of a character
        return False
    return bool(told == [str(execution_id), user_id])
