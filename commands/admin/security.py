"""A user's own second factor: set up, new recovery codes, remove; and its reset by a superuser."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import segno
from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.decorators import action
from unfold.widgets import BASE_INPUT_CLASSES

from commands import audit
from commands.admin import confirm
from commands.admin.base import Context
from commands.web import identity
from commands.web.secondfactor import codes, demand
from commands.web.secondfactor.change import record
from commands.web.text import visible

# Their stock pages show keys, and let one be put under another's name with no code asked for.
admin.site.unregister([TOTPDevice, StaticDevice])

SALT = "imapx.security.set-up"
KEY_SECONDS = 3600

NOT_RECORDED = "Not done: it can't be recorded now. Try again in a moment; the server's log says what is wrong."

View = Callable[[HttpRequest, User], HttpResponse]


def _own(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """A page of whoever is logged in, about themselves."""

    @wraps(view)
    def own(request: HttpRequest) -> HttpResponse:
        if not isinstance(request.user, User):
            raise PermissionDenied
        return view(request, request.user)

    return never_cache(login_required(login_url="own:login")(own))


def _render(request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
    user = request.user
    back = reverse("admin:index" if user.is_staff else "own:home")
    page = {
        "title": title,
        "back": back,
        "overview": reverse("security"),
        "input_classes": " ".join(BASE_INPUT_CLASSES),
    }
    return TemplateResponse(
        request, f"admin/security/{name}.html", {**admin.site.each_context(request), **page, **context}
    )


@_own
def overview(request: HttpRequest, user: User) -> HttpResponse:
    return _render(
        request,
        "overview",
        "Second factor",
        is_on=demand.is_on(),
        device=codes.app_of(user),
        left=codes.recovery_codes_left(user),
    )


@_own
@confirm.confirmed
def set_up(request: HttpRequest, user: User) -> HttpResponse:
    """The key is kept nowhere until a code shows that the app has it: the page carries it, signed."""
    if not demand.is_on() or codes.is_set_up(user):
        return redirect("security")
    key, error = _posted_key(request, user), ""
    if key is not None:
        totp = codes.checked(key, request.POST.get("code", ""))
        if totp is None:
            error = "That is not the code that belongs to this key now. Type the one that the app shows."
        else:
            try:
                record("added", f"second factor of {user.get_username()} set up", request)
            except audit.StoreUnavailable:
                error = NOT_RECORDED
            else:
                shown = codes.set_up(user, totp)
                identity.was_shown(request, codes.app_of(user))
                return _render(request, "codes", "Recovery codes", codes=shown, said="The second factor is set up.")
    elif request.method == "POST":
        error = "This page was too old. Let the app read the new code."
    key = key or codes.new_key()
    return _render(
        request,
        "set_up",
        "Set up a second factor",
        error=error,
        qr=_qr(codes.address_of(user, key)),
        key_to_type=codes.key_to_type(key),
        signed_key=signing.dumps([user.pk, key], salt=SALT),
        is_demanded=demand.is_demanded(user),
    )


@_own
@require_POST
@confirm.confirmed
def recovery_codes(request: HttpRequest, user: User) -> HttpResponse:
    if not codes.is_set_up(user):
        return redirect("security")
    try:
        record("changed", f"recovery codes of {user.get_username()} made anew", request)
    except audit.StoreUnavailable:
        messages.error(request, NOT_RECORDED)
        return redirect("security")
    shown = codes.new_recovery_codes(user)
    return _render(request, "codes", "Recovery codes", codes=shown, said="Those that you had before count no more.")


@_own
@sensitive_post_parameters("password", "code")
def remove(request: HttpRequest, user: User) -> HttpResponse:
    """Password and code are asked for in any case, however fresh."""
    if not codes.is_set_up(user):
        return redirect("security")
    error = ""
    if request.method == "POST":
        if not identity.shows(request, request.POST.get("password", ""), request.POST.get("code", "")):
            error = confirm.WRONG
        else:
            try:
                record("deleted", f"second factor of {user.get_username()} removed", request)
            except audit.StoreUnavailable:
                error = NOT_RECORDED
            else:
                codes.remove(user)
                messages.success(request, "The second factor is removed.")
                return redirect("security")
    title = "Remove the second factor"
    return _render(request, "remove", title, error=error, is_demanded=demand.is_demanded(user))


def _posted_key(request: HttpRequest, user: User) -> str | None:
    try:
        owner, key = signing.loads(request.POST.get("key", ""), salt=SALT, max_age=KEY_SECONDS)
    except signing.BadSignature:
        return None
    return str(key) if owner == user.pk else None


def _qr(text: str) -> SafeString:
    return mark_safe(segno.make(text, error="m").svg_inline(border=2, light="#fff", omitsize=True))  # noqa: S308


urlpatterns = [
    path("", overview, name="security"),
    path("set-up/", set_up, name="security_set_up"),
    path("recovery-codes/", recovery_codes, name="security_recovery_codes"),
    path("remove/", remove, name="security_remove"),
]


class UserSecurityAdmin(confirm.ConfirmedAdmin):
    """For the admin of users: whoever changes one confirms that, and superusers reset a second factor."""

    actions_detail = ("second_factor",)

    def has_second_factor_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.is_superuser)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        asked = confirm.ask(request) if self.has_change_permission(request) else None
        answer: HttpResponse = asked or super().user_change_password(request, id, form_url)
        return answer

    @action(description="Second factor", url_path="second-factor", permissions=["second_factor"], icon="security")
    def second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.get_object(request, object_id)
        if not isinstance(user, User):
            raise Http404
        error = ""
        page = reverse("admin:auth_user_change", args=[user.pk])
        if request.method == "POST":
            if (asked := confirm.ask(request)) is not None:
                return asked
            try:
                record("deleted", f"second factor of {user.get_username()} reset", request)
            except audit.StoreUnavailable:
                error = NOT_RECORDED
            else:
                codes.remove(user)
                name = visible(user.get_username())
                messages.warning(request, f"The password alone logs {name} in now, until a new one is set up.")
                return HttpResponseRedirect(page)
        context: Context = {
            **self.admin_site.each_context(request),
            "title": f"Second factor: {visible(user.get_username())}",
            "opts": self.opts,
            "original": user,
            "name": visible(user.get_username()),
            "back": page,
            "error": error,
            "device": codes.app_of(user),
            "left": codes.recovery_codes_left(user),
        }
        return TemplateResponse(request, "admin/security/reset.html", context)
