"""Whose a session is now: asked by each request and, for as long as it is open, by each WebSocket."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.http import HttpRequest

from commands.web.secondfactor.demand import is_enough
from commands.web.sessions import why_over


def user_of(session_key: str | None) -> User | None:
    """The user who is logged in by this session, as the database has them now. None: it is over, or they are.

    Reads the database."""
    if not session_key:
        return None
    request = HttpRequest()
    request.session = _store()(session_key)
    user = get_user(request)  # checks the session against the password, and the user's being active
    if not isinstance(user, User) or not user.is_active or why_over(request.session, user):
        return None
    if not is_enough(user, request.session):
        return None
    return user


def _store() -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore
