"""Of whom a second factor is asked, by the setting IMAPX_SECOND_FACTOR."""

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


def gave_it(user: User, session: SessionBase) -> bool:
    """Whether the session was begun with all that its user had to give: True also where there was nothing to give.

    One that was begun before the second factor was set up is not, nor one whose device is gone while another is there.
    """
    if not (is_on() and codes.is_set_up(user)):
        return True
    named = session.get(DEVICE_ID_SESSION_KEY)
    device = Device.from_persistent_id(named) if named else None
    return device is not None and device.user_id == user.pk and device.confirmed


def is_enough(user: User, session: SessionBase) -> bool:
    """Whether the session may open more than the page that sets a second factor up."""
    return gave_it(user, session) and not (is_demanded(user) and not codes.is_set_up(user))
