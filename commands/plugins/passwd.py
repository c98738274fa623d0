"""`passwd OLD NEW`, both secret: change the user's own password, where it is kept here and not by the mail server.

Exit status: 0 changed; 1 not changed, with the reason as output; 64 the map entry gives it other arguments than two.
"""

import asyncio

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import password_changed, validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from commands.plugins import Context, PluginUser

CHANGED = "Your password is changed. You are logged out of the web pages; mail clients need the new one from now on."
ELSEWHERE = "Your password is not kept here but by the mail server: change it there."
WRONG = "The old password is wrong."
LOCKED_OUT = "Too many wrong passwords: try again later."
SAME = "The new password is the old one."
EMPTY = "The new password is empty."
MEANWHILE = "Your password was changed by somebody else meanwhile."


class Refused(Exception):
    """Nothing was changed. The text is for the user, a reason a line."""


class WrongPassword(Refused):
    """Its answer waits, as that of a failed login does."""


async def passwd(context: Context) -> int:
    if len(context.arguments) != 2:
        await context.write(b"This verb is set up wrongly: its signature has to be two secrets, the old and the new.\n")
        return 64
    try:
        old, new = (argument.decode() for argument in context.arguments)
        # Not thread-sensitive: hashing takes a tenth of a second, and nobody else may have to wait for it.
        await database_sync_to_async(change_password, thread_sensitive=False)(context.user, old, new)
    except Refused as refused:
        if isinstance(refused, WrongPassword):
            await asyncio.sleep(settings.IMAPX["FAILED_LOGIN_SECONDS"])
        await context.write(f"{refused}\n".encode())
        return 1
    await context.write(f"{CHANGED}\n".encode())
    return 0


@sensitive_variables("old", "new")
def change_password(whose: PluginUser, old: str, new: str) -> None:
    """Check both and store the new one's hash. A wrong old one counts as a failed login, and may lock the user out."""
    user = get_user_model().objects.get(pk=whose.id)
    if not user.has_usable_password():
        raise Refused(ELSEWHERE)
    user = _authenticated(whose, old)
    if not new:  # nobody could log in with it by IMAP, whatever the validators say
        raise Refused(EMPTY)
    if new == old:
        raise Refused(SAME)
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise Refused("\n".join(error.messages)) from None
    before = user.password
    user.set_password(new)
    if not get_user_model().objects.filter(pk=user.pk, password=before).update(password=user.password):
        raise Refused(MEANWHILE)
    password_changed(new, user)


@sensitive_variables("password")
def _authenticated(whose: PluginUser, password: str) -> User:
    """Ask Django's authentication backends, of which django-axes is the first, as a login would."""
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": whose.remote_addr or "", "PATH_INFO": "passwd", "HTTP_USER_AGENT": "passwd"}
    user = authenticate(request, username=whose.username, password=password)
    if user is None or user.pk != whose.id:
        raise WrongPassword(LOCKED_OUT if getattr(request, "axes_locked_out", False) else WRONG)
    assert isinstance(user, User)  # noqa: S101 - for mypy
    return user
