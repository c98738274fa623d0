"""Watching an execution as it goes: the page. What it shows comes by commands/web/sockets/watch.py."""

import uuid

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from commands.admin.base import ModelAdmin
from commands.admin.ending import END_EXECUTION, END_USER
from commands.admin.viewing import NotRecorded, not_recorded, view_recorded
from commands.evidence.head import node
from commands.models import Execution
from commands.transcript.playing import title
from commands.web import watchtoken
from commands.web.text import visible

MAY_WATCH = "commands.watch_execution"


class WatchMixin(ModelAdmin):
    """Of ExecutionAdmin. Who has opened the page is on record; its socket asks for the page's token."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.watch_view)
        return [path("<uuid:execution_id>/watch/", view, name="commands_execution_watch"), *super().get_urls()]

    def watch_view(self, request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
        if not self.has_view_permission(request) or not request.user.has_perm(MAY_WATCH):
            raise PermissionDenied
        try:
            execution = Execution.objects.get(pk=execution_id)
        except Execution.DoesNotExist as error:
            raise Http404("no such execution") from error
        context = {
            **self.admin_site.each_context(request),
            "title": title(execution.username, execution.verb, execution.arguments_text),
            "opts": self.opts,
            "execution": execution,
            "username": visible(execution.username),
            "is_out_of_sight": is_out_of_sight(execution),
            "here": node(),
            "may_end": request.user.has_perms(END_EXECUTION),
            "may_end_everything": request.user.has_perms(END_USER),
        }
        if not execution.outcome and not context["is_out_of_sight"]:
            try:
                view_recorded(request, "execution: watch", execution)
            except NotRecorded:
                return not_recorded(request)
            context["token"] = watchtoken.make(execution.pk, request.user.pk)
        return TemplateResponse(request, "admin/watch.html", context)


def is_out_of_sight(execution: Execution) -> bool:
    """Whether it runs in another process, and the two have no channel in common."""
    return not settings.REDIS_URL and execution.node != node()
