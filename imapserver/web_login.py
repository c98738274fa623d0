"""Logins on the web of users whose password the engine alone knows: where it decides by IMAP, it does here too."""

import asyncio
import logging
import secrets
from functools import lru_cache
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.http import HttpRequest

from commands import audit
from commands.outcome import Outcome
from imapserver import penalties
from imapserver.engine import choose
from imapserver.engine.connection import EngineUnavailable, LoginRefused
from imapserver.engine.credentials import Origin, Password
from imapserver.engine.engine import Engine
from imapserver.login import engine_username, user_of_engine
from imapserver.sasl import LoginFailed
from imapserver.wire.secret import Secret

logger = logging.getLogger(__name__)

UNAVAILABLE = "Your mail server can't be reached now, and it alone knows your password. Please try again later."

_served: Engine | None = None


def use(engine: Engine) -> None:
    """The engine that this process serves: it counts, whatever IMAPX_WEB_ENGINE says."""
    global _served
    _served = engine


def engine_in_use() -> Engine | None:
    """What decides here. Raises ValueError for an IMAPX_WEB_ENGINE that names no engine."""
    return _served or _of_setting(settings.IMAPX["WEB_ENGINE"])


@lru_cache(maxsize=1)
def _of_setting(url: str) -> Engine | None:
    return choose(url) if url else None


class EngineBackend(BaseBackend):
    """After ModelBackend. It lets in nobody who may work on the admin's pages: these need a password of Django's."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """None: the engine does not want this user, or there is none that decides.

        Raises ValidationError if the engine can't be asked and alone knows the password: a form shows it, and it counts
        as no failure."""
        engine = engine_in_use()
        # IMAP's own logins come by here too, with a request that has no method: there the engine was asked already.
        if engine is None or not engine.authority or request is None or request.method is None:
            return None
        given = Password(username or "", Secret((password or "").encode()))
        known: User | None = None
        try:
            name = engine_username(given, lower=settings.IMAPX["ENGINE_LOWERCASE"])
            known = User.objects.filter(username=name).first()
            if known is not None and not _is_of_mail(known):
                return None  # the engine is not even asked
            return async_to_sync(_admit)(engine, given, name, _origin(request))
        except LoginFailed:
            return None
        except (EngineUnavailable, DatabaseError) as unavailable:
            logger.error("No login on the web for %r: %s", username, unavailable)
            if known is not None and known.has_usable_password():
                return None  # ModelBackend has found it wrong: uncounted it could be guessed as long as this lasts
            _record_unavailable(request, username or "", str(unavailable))
            raise ValidationError(UNAVAILABLE, code="unavailable") from unavailable

    def get_user(self, user_id: int) -> User | None:
        """Whose session it is. One that was made an administrator since is nobody: it logs in anew, by Django."""
        user = ModelBackend().get_user(user_id)
        return user if isinstance(user, User) and _is_of_mail(user) else None


async def _admit(engine: Engine, given: Password, name: str, origin: Origin) -> User:
    """Raises LoginFailed, EngineUnavailable and DatabaseError."""
    # axes counts by the name as it was typed; by IMAP it is counted in the spelling that the engine is asked for. Else
    # each spelling in capitals would be as many more guesses.
    respelt = name != given.username
    if respelt and not await penalties.allowed(name, origin.address):
        raise LoginFailed(name, penalties.LOCKED_OUT)
    try:
        connection = await engine.open(name, given.named(name), origin)
    except LoginRefused as refused:
        if respelt:
            await penalties.failed(name, origin.address)
        raise LoginFailed(name, str(refused)) from None
    if connection is not None:
        connection.transport.abort()  # whether the user is let in is all that was asked
        await asyncio.sleep(0)  # until it is: the loop may be of this call alone
    if respelt:
        await penalties.succeeded(name, origin.address)
    user = await user_of_engine(name)
    if not _is_of_mail(user):
        raise LoginFailed(name, "an administrator")
    return user


def _is_of_mail(user: User) -> bool:
    return user.is_active and not (user.is_staff or user.is_superuser)


def _origin(request: HttpRequest) -> Origin:
    port = str(request.META.get("REMOTE_PORT") or "0")
    return Origin(request.META.get("REMOTE_ADDR") or "", int(port) if port.isdecimal() else 0, secrets.token_hex(6))


def _record_unavailable(request: HttpRequest, username: str, reason: str) -> None:
    try:
        audit.record_now(
            kind="login",
            outcome=Outcome.UNAVAILABLE,
            reason=reason,
            actor=username,
            remote_addr=request.META.get("REMOTE_ADDR"),
            tls=request.is_secure(),
            client_id=request.META.get("HTTP_USER_AGENT", ""),
            door="web",
        )
    except audit.StoreUnavailable:
        logger.exception("Not recorded: login of %r on the web: %s", username, Outcome.UNAVAILABLE)
