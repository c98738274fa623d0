"""Of whom a second factor is asked, by the setting IMAPX_SECOND_FACTOR."""

from enum import StrEnum

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.models import Device

from commands.web.secondfactor import codes

OFF, OPTIONAL, EDITORS, STAFF = "off", "optional", "editors", "staff"

_DEEDS = ("add", "change", "delete")
_MODELS = {
    "commands": ("verb", "signature", "parameter", "actionverb", "tag", "rule"),
    "auth": ("user", "group", "permission"),
}
EDIT_RIGHTS = frozenset(
    f"{app}.{deed}_{model}" for app, models in _MODELS.items() for model in models for deed in _DEEDS
)


def is_on() -> bool:
    """Whether anybody is asked for a code at all."""
    return bool(settings.IMAPX["SECOND_FACTOR"] != OFF)


def is_demanded(user: User) -> bool:
    """Whether this user must have one: by `editors` who may change the map or users, by `staff` who has these pages."""
    mode = settings.IMAPX["SECOND_FACTOR"]
    if mode not in (EDITORS, STAFF) or not user.is_staff:
        return False
    return mode == STAFF or user.is_superuser or not EDIT_RIGHTS.isdisjoint(user.get_all_permissions())


class Standing(StrEnum):
    """What a session may do."""

    ENOUGH = "enough"
    NOT_GIVEN = "not given"
    """Its user has a second factor, and it was begun without: it counts as not logged in."""
    NOT_SET_UP = "not set up"
    """Its user must have one: it may open the page that sets it up."""


def standing(user: User, session: SessionBase) -> Standing:
    """One that was begun before the second factor was set up, or whose device is gone, was begun without."""
    if not is_on():
        return Standing.ENOUGH
    named = session.get(DEVICE_ID_SESSION_KEY)
    device = Device.from_persistent_id(named) if named else None
    if device is not None and device.user_id == user.pk and device.confirmed:
        return Standing.ENOUGH
    if codes.is_set_up(user):
        return Standing.NOT_GIVEN
    return Standing.NOT_SET_UP if is_demanded(user) else Standing.ENOUGH


def is_enough(user: User, session: SessionBase) -> bool:
    """Whether the session may open all that its user may."""
    return standing(user, session) is Standing.ENOUGH
