"""The audit list as a file: what its filters and its search leave, of any length."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponseBase
from django.http.response import Http404
from django.urls import URLPattern, path
from django.utils import timezone

from commands.admin.base import ModelAdmin
from commands.admin.streaming import download
from commands.admin.viewing import NotRecorded, not_recorded, view_recorded
from commands.exporting import FORMATS, event_rows, export_lines


class ExportMixin(ModelAdmin):
    """Of AuditEventAdmin: links on its list, and where they lead."""

    list_before_template = "admin/export_links.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/<str:form>/", view, name="commands_auditevent_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest, form: str) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if form not in FORMATS:
            raise Http404(f"there is no format {form}")
        try:
            events = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters as error:
            raise SuspiciousOperation("no such filter") from error
        filters = request.GET.urlencode()
        try:
            view_recorded(request, f"audit log: {form}" + (f", {filters}" if filters else ""))
        except NotRecorded:
            return not_recorded(request)
        now = timezone.localtime().strftime("%Y%m%d-%H%M%S")
        _, media_type = FORMATS[form]
        return download(request, export_lines(event_rows(events), form), f"audit-{now}.{form}", media_type)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        return super().changelist_view(request, {**(extra_context or {}), "export_query": request.GET.urlencode()})
