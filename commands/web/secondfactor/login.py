"""The code on the login page, beside user name and password.

One form, not a second page: whoever guesses passwords is not told that one was right, and no session stands between.
"""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from unfold.widgets import BASE_INPUT_CLASSES

from commands.web.secondfactor import codes, demand

WRONG_CODE = "wrong one-time code"
"""On record alone: to the one who logs in all that may be wrong is told in the same words."""

REFUSED = (
    "That was not right: user name, password or, where a second factor is set up, its code. A code counts once: wait "
    "for the next one."
)


def code_field(help_text: str) -> forms.CharField:
    field = forms.CharField(
        label="One-time code", required=False, max_length=40, strip=True, help_text=help_text, widget=forms.TextInput
    )
    field.widget.attrs |= {
        "autocomplete": "one-time-code",
        "autocapitalize": "none",
        "spellcheck": "false",
        "class": " ".join(BASE_INPUT_CLASSES),
    }
    return field


class WithCode(AuthenticationForm):
    """First among the bases of a login form: what that refuses for comes after the code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if demand.is_on():
            self.error_messages = {**self.error_messages, "invalid_login": REFUSED}
            self.fields["code"] = code_field("Only if you have set up a second factor. A recovery code will do too.")

    def confirm_login_allowed(self, user: Any) -> None:
        if not takes_code(self.request, user, self.cleaned_data.get("code", "")):
            raise self.get_invalid_login_error()
        super().confirm_login_allowed(user)


def takes_code(request: HttpRequest | None, user: User, code: str) -> bool:
    """Whether this is the code that goes with the user's password, which was right: True where none is asked for.

    A wrong one counts and is recorded as a failed login. What took it is `user.otp_device`: django-otp's own receiver
    puts that into the session that begins now."""
    if not (demand.is_on() and codes.is_set_up(user)):
        return True
    device = codes.verified_by(user, code)
    if device is None:
        credentials = {"username": user.get_username()}
        user_login_failed.send(sender=__name__, credentials=credentials, request=request, reason=WRONG_CODE)
        return False
    user.otp_device = device  # type: ignore[attr-defined]
    return True
