"""Where mail users log in. Administrators may too: they are led on to the admin."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.urls import reverse
from unfold.forms import AuthenticationForm as AdminAuthenticationForm

from commands.web.secondfactor.login import WithCode

ONLY_STAFF = (
    "This page is for administrators, and you are none: your own verbs and their history are at %(address)s (log in "
    "there)."
)


class OwnForm(WithCode, AuthenticationForm):
    """Of mail users, and of administrators too."""


class OwnLogin(LoginView):
    authentication_form = OwnForm
    template_name = "own/login.html"
    redirect_authenticated_user = True

    def get_success_url(self) -> str:
        """Whoever may not work on the admin's pages is led to none of them, whatever `next` says, and nobody back to
        this one: Django fails at that."""
        wanted = super().get_success_url()
        if wanted == self.request.path:
            return self.get_default_redirect_url()
        return wanted if self._is_staff or not wanted.startswith(reverse("admin:index")) else reverse("own:home")

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index" if self._is_staff else "own:home")

    @property
    def _is_staff(self) -> bool:
        user = self.request.user
        return isinstance(user, User) and user.is_staff


class OwnLogout(LogoutView):
    """By POST alone, as Django's."""

    next_page = "own:login"


class StaffOnly(AdminAuthenticationForm):
    """It says where everybody else is to go, to whom has given the right password alone."""

    def confirm_login_allowed(self, user: Any) -> None:
        if user.is_active and not user.is_staff:
            raise ValidationError(ONLY_STAFF, code="not_staff", params={"address": reverse("own:login")})
        super().confirm_login_allowed(user)


class StaffForm(WithCode, StaffOnly):
    """Of the admin's login page."""
