"""Whose a session is now: asked by each request and, for as long as it is open, by each WebSocket."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.http import HttpRequest


def user_of(session_key: str | None) -> User | None:
    """The user who is logged in by this session, as the database has them now. None: it is over, or they are.

    Reads the database."""
    if not session_key:
        return None
    request = HttpRequest()
    request.session = _store()(session_key)
    user = get_user(request)  # checks the session against the password, and the user's being active
    return user if isinstance(user, User) and user.is_active else None


def _store() -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore
