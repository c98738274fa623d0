"""Pages with a terminal: the console of staff, and trying a verb as another user."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin as UnfoldModelAdmin

from commands.arguments import signature
from commands.models import Verb
from commands.web.sockets.console import may_try


class ConsolePages(UnfoldModelAdmin):
    """For the admin of verbs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("console/", view(self.console_view), name="commands_verb_console"),
            path("<int:pk>/try/", view(self.try_view), name="commands_verb_try"),
            *super().get_urls(),
        ]

    def console_view(self, request: HttpRequest) -> HttpResponse:
        """For all staff: whoever works here has a mailbox user's rights too, and no others in it."""
        return self._terminal_page(request, "admin/console.html", {"title": "Console", "socket": "/ws/console/"})

    def try_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not (isinstance(request.user, User) and may_try(request.user)):
            raise PermissionDenied
        verb = get_object_or_404(Verb, pk=pk)
        matchers = [row.matcher() for row in verb.signatures.prefetch_related("parameters")]
        context = {
            "title": f"Try {verb.name}",
            "verb": verb,
            "usage": signature.usage(matchers),
            "takes_text": verb.takes_input or verb.mode == Verb.Mode.INTERACTIVE,
            "socket": f"/ws/try/{verb.pk}/",
        }
        return self._terminal_page(request, "admin/try.html", context)

    def _terminal_page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        about = {"opts": self.opts, "name": request.user.get_username()}
        return TemplateResponse(request, template, {**self.admin_site.each_context(request), **about, **context})
