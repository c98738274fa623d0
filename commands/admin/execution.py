from datetime import timedelta

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from commands.admin.base import Context, RelatedTable, may_view
from commands.admin.filters import DayRangeFilter, EndFilter, ExecutionAddressFilter, UsernameFilter, VerbFilter
from commands.admin.lock import execution_locks
from commands.admin.record import RecordAdmin
from commands.admin.replay import ReplayMixin
from commands.admin.text import kind_label, link, moment, outcome_label, short
from commands.admin.watch import WatchMixin
from commands.models import AuditEvent, Execution
from commands.web.text import visible

EVENTS = 100  # more than one execution ever has


@admin.register(Execution)
class ExecutionAdmin(WatchMixin, ReplayMixin, RecordAdmin):
    time_field = "started"
    empty_text = "No execution yet: no verb has been run. Attempts that were refused are among the audit events."
    list_display = ("when", "ending", "who", "verb_text", "arguments_short", "took", "door")
    list_filter = (UsernameFilter, ExecutionAddressFilter, VerbFilter, EndFilter, ("started", DayRangeFilter))
    search_fields = ("username", "verb", "arguments_text", "=outcome", "=remote_addr")
    search_help_text = "User, verb, arguments, outcome, address"
    change_form_outer_before_template = "admin/execution_before.html"
    change_form_outer_after_template = "admin/execution_after.html"
    fieldsets = (
        (None, {"fields": ("ending", "exit_code", "who", "verb_text", "arguments")}),
        ("When", {"fields": ("when", "ended_at", "took")}),
        ("From where", {"fields": ("door", "remote_addr", "tls", "client_text")}),
        ("How much", {"fields": ("bytes_in", "bytes_out", "transcript")}),
        ("Run by", {"fields": ("id", "user_id", "node", "chain_id")}),
    )
    readonly_fields = ("ending", "who", "verb_text", "arguments", "when", "ended_at", "took", "client_text")

    @admin.display(description="started", ordering="started")
    def when(self, execution: Execution) -> SafeString:
        return moment(execution.started)

    @admin.display(description="ended")
    def ended_at(self, execution: Execution) -> str | SafeString:
        return moment(execution.ended) if execution.ended else "still running"

    @admin.display(description="outcome")
    def ending(self, execution: Execution) -> SafeString:
        return outcome_label(execution.outcome, execution.exit_code)

    @admin.display(description="user")
    def who(self, execution: Execution) -> str:
        return visible(execution.username)

    @admin.display(description="client")
    def client_text(self, execution: Execution) -> str:
        return visible(execution.client_id)

    @admin.display(description="verb")
    def verb_text(self, execution: Execution) -> str:
        return visible(execution.verb)

    @admin.display(description="arguments")
    def arguments(self, execution: Execution) -> str:
        return visible(execution.arguments_text)

    @admin.display(description="arguments")
    def arguments_short(self, execution: Execution) -> SafeString:
        return short(execution.arguments_text)

    @admin.display(description="took")
    def took(self, execution: Execution) -> str:
        if execution.ended is None:
            return ""
        return f"{(execution.ended - execution.started).total_seconds():.3f} s"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Context | None = None
    ) -> HttpResponse:
        context: Context = extra_context or {}
        execution = self.get_object(request, object_id)
        if execution and may_view(request, AuditEvent):
            context["related"] = events_of(execution)
        if execution:
            context["locks"] = execution_locks(request, execution)
        return super().change_view(request, object_id, form_url, context)


def events_of(execution: Execution) -> RelatedTable:
    # None is older than its summary by more than a moment: on PostgreSQL earlier months are not looked at.
    since = execution.started - timedelta(hours=1)
    events = AuditEvent.objects.filter(execution_id=execution.pk, at__gte=since).order_by("at", "pk")[:EVENTS]
    return RelatedTable(
        title="Its audit events",
        headers=("Time", "Kind", "Outcome", "Decided by"),
        rows=[
            [
                link(event, moment(event.at)),
                kind_label(event.kind),
                outcome_label(event.outcome, event.exit_code),
                visible(event.rule or event.reason),
            ]
            for event in events
        ],
        empty_text="No audit event names this execution. That should never be.",
    )
