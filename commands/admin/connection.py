"""The live page: who is connected and what runs now. It stands where the list of connections would."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from commands.admin.base import Context
from commands.admin.ending import END_CONNECTION, END_EXECUTION, END_USER, EndMixin
from commands.models import Connection
from commands.web.liverows import Row, milliseconds
from commands.web.sockets.live import tables_of
from commands.web.sockets.poller import CONNECTIONS, EXECUTIONS, LIMIT, Rows, read_picture

WATCH = ("commands.view_execution", "commands.watch_execution")


@admin.register(Connection)
class ConnectionAdmin(EndMixin):
    """Its rows come and go by themselves: there is no page of one, and none to add, change or delete any."""

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        return [
            path("", guard(self.changelist_view), name="commands_connection_changelist"),
            path("end/", guard(self.end_view), name="commands_connection_end"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Connection | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Connection | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Context | None = None) -> HttpResponse:
        tables = tables_of(request.user)
        if not tables:
            raise PermissionDenied
        now, picture = timezone.now(), read_picture()
        is_wall = "wall" in request.GET
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Live",
            "now": milliseconds(now),
            "limit": LIMIT,
            "is_wall": is_wall,
            "may_end_executions": not is_wall and request.user.has_perms(END_EXECUTION),
            "may_end_connections": not is_wall and request.user.has_perms(END_CONNECTION),
            "may_end_everything": not is_wall and request.user.has_perms(END_USER),
            "may_watch": not is_wall and request.user.has_perms(WATCH),
            "shows_executions": EXECUTIONS in tables,
            "shows_connections": CONNECTIONS in tables,
            "executions": _timed(picture.tables[EXECUTIONS], milliseconds(now)) if EXECUTIONS in tables else [],
            "connections": _timed(picture.tables[CONNECTIONS], milliseconds(now)) if CONNECTIONS in tables else [],
        }
        return TemplateResponse(request, "admin/live.html", context)


def _timed(rows: Rows, now: int) -> list[Row]:
    return [row | {"took": clock(now - int(row["since"]))} for row in rows.values()]


def clock(milliseconds: int) -> str:
    """`0:07`, `12:07`, `1:02:07`, `2 d 01:02`: as live.js counts on."""
    seconds = max(0, milliseconds // 1000)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24:02}:{minutes % 60:02}"
    if hours:
        return f"{hours}:{minutes % 60:02}:{seconds % 60:02}"
    return f"{minutes}:{seconds % 60:02}"
