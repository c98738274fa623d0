"""A user's second factor: the one-time codes of an app (RFC 6238), and recovery codes for when its phone is lost."""

import hashlib
import re
from base64 import b32encode
from binascii import unhexlify
from os import urandom
from time import time

from django.contrib.auth.models import User
from django.db import transaction
from django_otp import verify_token
from django_otp.models import Device
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

NAME = "web pages"
KEY_BYTES = 20  # RFC 4226 section 4, R6: 160 bits are recommended
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 16 characters of base32; so many that a plain digest can't be guessed back

_APP = re.compile(r"[0-9]{6}")
_RECOVERY = re.compile(r"[a-z2-7]{16}")


def is_set_up(user: User) -> bool:
    return app_of(user) is not None


def app_of(user: User) -> TOTPDevice | None:
    device: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    return device


def recovery_codes_left(user: User) -> int:
    return StaticToken.objects.filter(device__user=user).count()


def verified_by(user: User, code: str) -> Device | None:
    """What takes this code: the app's, or the recovery codes'. It is used up then.

    Each wrong one doubles how long the next is refused (django-otp), and only that of its kind, so that a slip of the
    one does not block the other. Not inside of a transaction."""
    given = _plain(code)
    if _APP.fullmatch(given):
        device, token = app_of(user), given
    elif _RECOVERY.fullmatch(given):
        device, token = StaticDevice.objects.filter(user=user, confirmed=True).first(), _stored(given)
    else:
        return None
    return None if device is None else verify_token(user, device.persistent_id, token)


# Setting up


def new_key() -> str:
    """In hexadecimal digits, as django-otp keeps it."""
    return urandom(KEY_BYTES).hex()


def key_to_type(key: str) -> str:
    """As apps take it, in groups of four."""
    return _in_groups(b32encode(unhexlify(key)).decode().lower())


def address_of(user: User, key: str) -> str:
    """The otpauth address that the QR code holds."""
    return str(TOTPDevice(user=user, key=key).config_url)


def checked(key: str, code: str) -> TOTP | None:
    """None if the code is not one of the key's now; else what `set_up` takes."""
    totp = TOTP(unhexlify(key))
    totp.time = time()
    given = _plain(code)
    return totp if _APP.fullmatch(given) and totp.verify(int(given), tolerance=1) else None


def set_up(user: User, totp: TOTP) -> list[str]:
    """Make it the user's, in place of what there was. The code that was checked is used up.

    Returns the recovery codes, which nobody sees again."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # two windows at once would make two
        remove(user)
        TOTPDevice.objects.create(user=user, name=NAME, key=totp.key.hex(), drift=totp.drift, last_t=totp.t())
        return new_recovery_codes(user)


def new_recovery_codes(user: User) -> list[str]:
    """In place of those there were."""
    codes = [b32encode(urandom(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        device, _ = StaticDevice.objects.get_or_create(user=user, name=NAME)
        device.token_set.all().delete()
        StaticToken.objects.bulk_create(StaticToken(device=device, token=_stored(code)) for code in codes)
    return [_in_groups(code) for code in codes]


def remove(user: User) -> None:
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()


def _plain(code: str) -> str:
    """People type codes in groups, as they are shown."""
    return re.sub(r"[\s-]", "", code).lower()


def _stored(code: str) -> str:
    """A digest: who reads the database must not be able to log in with it. As long as django-otp's column."""
    return b32encode(hashlib.sha256(code.encode()).digest()).decode()[:16].lower()


def _in_groups(text: str) -> str:
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))
