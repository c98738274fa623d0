"""Before something that matters is changed, the one at the keyboard shows that they are still who logged in."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import BASE_INPUT_CLASSES

from commands.admin.base import Context, ModelAdmin
from commands.admin.history import HistoryAdmin
from commands.web import identity

USER, PASSWORD, CODE, THEN = "_confirm_user", "_confirm_password", "_confirm_code", "_confirm_then"

WRONG = "That was not right. Type the password again, and a code that was not used yet."
WRONG_ALONE = "That was not right. Type the password again."

View = Callable[..., HttpResponse]


def confirmed(view: View) -> View:
    """For a view function: it is not reached without."""

    @wraps(view)
    def asking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return ask(request) or view(request, *args, **kwargs)

    return asking


def ask(request: HttpRequest) -> HttpResponse | None:
    """None: go on. Else this is the answer: the page that asks, or the way back to the one that was asked for.

    To be called first, with the permission checked and outside of any transaction. What was posted is kept on the page
    that asks and posted again, so the view sees it as it was; files are not, of them the view must take care."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    if PASSWORD not in request.POST:
        return None if identity.is_fresh(request) else _page(request, user, shows_only=request.method != "POST")
    # A guess counts also where nothing would be asked: else it would be a way to try passwords in silence.
    given = _taken_out(request)
    shows_only = given.get(THEN) == "show"
    if identity.shows(request, given[PASSWORD], given.get(CODE, "")):
        return HttpResponseRedirect(request.get_full_path()) if shows_only else None
    error = WRONG if identity.wants_code(user) else WRONG_ALONE
    return _page(request, user, shows_only=shows_only, error=error)


def _taken_out(request: HttpRequest) -> dict[str, str]:
    """The page's own fields, which no view sees."""
    posted = request.POST.copy()
    taken = {name: str(posted.pop(name)[-1]) for name in (USER, PASSWORD, CODE, THEN) if name in posted}
    request.POST = posted  # type: ignore[assignment]
    return taken


def _page(request: HttpRequest, user: User, *, shows_only: bool, error: str = "") -> HttpResponse:
    return TemplateResponse(
        request,
        "admin/confirm.html",
        {
            **admin.site.each_context(request),
            "title": "Confirm that it is you",
            "carried": [
                (name, value)
                for name, values in request.POST.lists()
                if name != "csrfmiddlewaretoken"  # the page has one of its own
                for value in values
            ],
            "shows_only": shows_only,
            "error": error,
            "can_show": identity.can_show(user),
            "wants_code": identity.wants_code(user),
            "input_classes": " ".join(BASE_INPUT_CLASSES),
            "back": reverse("admin:index" if user.is_staff else "own:home"),
        },
        headers={"Cache-Control": "no-store"},
    )


class ConfirmedAdmin(ModelAdmin):
    """An admin whose every change has to be confirmed; first among the bases, so that no transaction is open yet.

    Who may change nothing is not asked: they are refused, or only look."""

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Context | None = None) -> HttpResponse:
        asked = ask(request) if self.has_add_permission(request) else None
        return asked or super().add_view(request, form_url, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Context | None = None
    ) -> HttpResponse:
        asked = ask(request) if self.has_change_permission(request) else None
        return asked or super().change_view(request, object_id, form_url, extra_context)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Context | None = None) -> HttpResponse:
        asked = ask(request) if self.has_delete_permission(request) else None
        return asked or super().delete_view(request, object_id, extra_context)

    def changelist_view(self, request: HttpRequest, extra_context: Context | None = None) -> HttpResponse:
        """Its actions come by POST."""
        may = request.method == "POST" and (self.has_change_permission(request) or self.has_delete_permission(request))
        return (ask(request) if may else None) or super().changelist_view(request, extra_context)


class ConfirmedHistoryAdmin(ConfirmedAdmin, HistoryAdmin):
    """Going back to an earlier version is a change too."""

    def revert_view(self, request: HttpRequest, object_id: str, version: int) -> HttpResponse:
        may = self.has_change_permission(request) or self.has_add_permission(request)
        asked = ask(request) if may and request.method == "POST" else None
        return asked or super().revert_view(request, object_id, version)
