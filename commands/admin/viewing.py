"""Who sees something of the record is recorded first."""

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from commands.audit import StoreUnavailable
from commands.models import Execution
from commands.transcript.viewing import record_view

DOOR = "web"


class NotRecorded(Exception):
    """That it is viewed can't be recorded, so it is not shown."""


def view_recorded(request: HttpRequest, how: str, execution: Execution | None = None) -> None:
    """Raises NotRecorded: answer with `not_recorded` then."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    try:
        record_view(
            how,
            door=DOOR,
            execution=execution,
            actor=request.user.get_username(),
            actor_id=request.user.pk,
            remote_addr=request.META.get("REMOTE_ADDR"),
            tls=request.is_secure(),
        )
    except StoreUnavailable as error:
        raise NotRecorded from error


def not_recorded(request: HttpRequest) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": "Not shown"}
    return render(request, "admin/not_recorded.html", context, status=503)
