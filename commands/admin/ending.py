"""Ending an execution, a connection, or all of a user, with a reason: by a page, or by a dialog that sends the same."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from commands.admin.base import Context, ModelAdmin
from commands.audit import StoreUnavailable
from commands.live import ending, now
from commands.models import Connection, Execution
from commands.web.actor import actor_of
from commands.web.liverows import end_address
from commands.web.text import visible

END_EXECUTION = ("commands.view_execution", "commands.end_execution")
END_CONNECTION = ("commands.view_connection", "commands.end_connection")
END_USER = (*END_EXECUTION, *END_CONNECTION)

NOT_RECORDED = (
    "Not ended: who ends something is recorded first, and the audit store can't be written to now. Try again in a "
    "moment; if that does not help, the server's log says what is wrong."
)


class EndForm(forms.Form):
    """What the page and the dialog send: one of the first three, and why. `everything`: of the user, whatever else."""

    execution = forms.UUIDField(required=False)
    connection = forms.UUIDField(required=False)
    user = forms.IntegerField(required=False, min_value=0, max_value=2**63 - 1)
    everything = forms.BooleanField(required=False)
    reason = forms.CharField(max_length=ending.REASON, error_messages={"required": "Say why: a reason is expected."})


End = Callable[[str, ending.Actor], str]


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be ended. `end` returns what people are told; None: `text` says why there is nothing to end."""

    name: str
    value: str
    text: str
    user_id: int
    username: str
    rights: tuple[str, ...]
    end: End | None


class EndMixin(ModelAdmin):
    """Of ConnectionAdmin: the page where all of it is ended."""

    def end_view(self, request: HttpRequest) -> HttpResponse:
        if not (request.user.has_perms(END_EXECUTION) or request.user.has_perms(END_CONNECTION)):
            raise PermissionDenied
        form = EndForm(request.POST if request.method == "POST" else request.GET)
        form.is_valid()  # a first look has no reason, which is no reason not to know the target
        target = find_target(form.cleaned_data)
        if target is None:
            return self._told(request, "Nothing was ended: it was not said what.", messages.WARNING)
        if not request.user.has_perms(target.rights):
            raise PermissionDenied
        if target.end is None:
            return self._told(request, target.text, messages.INFO)
        if request.method != "POST":
            return self._page(request, target, form, "")
        if not form.is_valid():
            problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
            if _wants_json(request):
                return JsonResponse({"problem": problem}, status=400)
            return self._page(request, target, form, problem)
        return self._end(request, target.end, form.cleaned_data["reason"])

    def _end(self, request: HttpRequest, end: End, reason: str) -> HttpResponse:
        try:
            return self._told(request, end(reason, actor_of(request)), messages.SUCCESS)
        except StoreUnavailable:
            return self._told(request, NOT_RECORDED, messages.ERROR, status=503)

    def _page(self, request: HttpRequest, target: Target, form: EndForm, problem: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"End {target.text}",
            "target": target,
            "may_end_everything": target.name != "user" and request.user.has_perms(END_USER),
            "reason": form.data.get("reason", ""),
            "problem": problem,
            "next": _next(request),
        }
        return TemplateResponse(request, "admin/live_end.html", context)

    def _told(self, request: HttpRequest, text: str, level: int, status: int = 200) -> HttpResponse:
        if _wants_json(request):
            return JsonResponse({"told": text}, status=status)
        messages.add_message(request, level, text)
        return HttpResponseRedirect(_next(request))


def find_target(given: dict[str, Any]) -> Target | None:
    """What the fields of EndForm name; None: nothing. Raises Http404 if there is no such thing."""
    everything = given.get("everything")
    if given.get("execution") and not everything:
        return execution_target(get_object_or_404(Execution, pk=given["execution"]))
    if given.get("connection") and not everything:
        return connection_target(given["connection"])
    if given.get("user"):
        user = get_object_or_404(User, pk=given["user"])
        return user_target(user.pk, user.get_username())
    return None


def execution_target(execution: Execution) -> Target:
    def end(reason: str, by: ending.Actor) -> str:
        ending.end_execution(execution, reason, by)
        return f"Ending {text}: it is gone within a second."

    text = f"“{visible(str(execution))[:120]}”"
    key, name = str(execution.pk), visible(execution.username)
    if execution.outcome:
        text = f"{text} had ended already: {execution.outcome}."
        return Target("execution", key, text, execution.user_id, name, END_EXECUTION, None)
    return Target("execution", key, text, execution.user_id, name, END_EXECUTION, end)


def connection_target(key: uuid.UUID) -> Target:
    connection = Connection.objects.filter(pk=key).first()
    if connection is None:  # its row goes with it
        return Target("connection", str(key), "That connection was gone already.", 0, "", END_CONNECTION, None)

    def end(reason: str, by: ending.Actor) -> str:
        ending.end_connection(connection, reason, by)
        return f"Ending {text}: it is gone within a second."

    name = visible(connection.username)
    text = f"the connection of {name} from {connection.remote_addr or 'this machine'}"
    return Target("connection", str(key), text, connection.user_id, name, END_CONNECTION, end)


def user_target(user_id: int, username: str) -> Target:
    def end(reason: str, by: ending.Actor) -> str:
        ended = ending.end_user(user_id, reason, by)
        if not any(ended):
            return f"{name} had no connection, and nothing ran."
        return f"Ending {ended} of {name}: gone within a second."

    name = visible(username)
    return Target("user", str(user_id), f"all of {name}", user_id, name, END_USER, end)


def end_panel(request: HttpRequest, user: User) -> Context:
    """For `admin/user_before.html`; empty for who may not end all of a user."""
    if not request.user.has_perms(END_USER):
        return {}
    return {
        "connections": len(now.connections_of(user.pk)),
        "executions": len(now.executions_of(user.pk)),
        "end_address": f"{end_address(user=user.pk)}&{urlencode({'next': request.get_full_path()})}",
    }


def _wants_json(request: HttpRequest) -> bool:
    return not request.accepts("text/html")


def _next(request: HttpRequest) -> str:
    address = (request.POST if request.method == "POST" else request.GET).get("next", "")
    if url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return address
    return reverse("admin:commands_connection_changelist")
