"""Whether the one at the keyboard is still the one who logged in: shown by password and code, good for a while."""

import copy
from time import time
from typing import Any

import django_otp
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, QueryDict
from django_otp.models import Device

from commands import logins
from commands.web.secondfactor import codes, demand
from commands.web.secondfactor.login import takes_code

CONFIRMED = "imapx_confirmed"
"""In the session: when it was shown last, in seconds."""


def connect() -> None:
    """Called once. A login shows it too."""
    user_logged_in.connect(_logged_in, dispatch_uid="commands.web.identity")


def is_fresh(request: HttpRequest) -> bool:
    """Whether it was shown within IMAPX_CONFIRM_SECONDS. A clock that was set back makes nothing fresh."""
    shown = request.session.get(CONFIRMED)
    return isinstance(shown, float) and 0 <= time() - shown <= settings.IMAPX["CONFIRM_SECONDS"]


def wants_code(user: User) -> bool:
    return demand.is_on() and codes.is_set_up(user)


def can_show(user: User) -> bool:
    """Staff who have no password here can't: whoever lets them in, it is not this server that could ask again."""
    return not user.is_staff or user.has_usable_password()


def shows(request: HttpRequest, password: str, code: str) -> bool:
    """Whether these are the password and the code of the one who is logged in. Not inside of a transaction.

    Wrong ones count and are recorded as a failed login; right ones are recorded, and fresh from now on."""
    user = request.user
    if not isinstance(user, User) or not can_show(user):
        return False
    # What is sent besides is a form's: axes would keep it.
    asked = copy.copy(request)
    asked.POST = QueryDict()
    found = authenticate(asked, username=user.get_username(), password=password)
    right = found is not None and found.pk == user.pk and takes_code(asked, user, code)
    if getattr(asked, "axes_locked_out", False):
        request.axes_locked_out = True  # type: ignore[attr-defined]
        request.axes_credentials = {"username": user.get_username()}  # type: ignore[attr-defined]
    if right:
        was_shown(request, user.otp_device)  # type: ignore[attr-defined]
        logins.record_confirmed(request, user)
    return right


def was_shown(request: HttpRequest, device: Device | None) -> None:
    """Now; `device` is what took the code, where one was given."""
    if device is not None:
        django_otp.login(request, device)
    request.session[CONFIRMED] = time()


def _logged_in(sender: object, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    if request is not None and hasattr(request, "session"):  # a login by IMAP has none
        request.session[CONFIRMED] = time()
