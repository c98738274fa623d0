from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from commands.admin.base import RecordAdmin
from commands.admin.filters import ActorFilter, DayRangeFilter, OutcomeFilter, VerbFilter
from commands.admin.text import link, moment, outcome_label, short, visible
from commands.audit import Redacted, decode_arguments, printable
from commands.models import AuditEvent, Execution, Rule


@admin.register(AuditEvent)
class AuditEventAdmin(RecordAdmin):
    empty_text = "No audit event yet: nobody has logged in by IMAP, and nothing was run or refused."
    list_display = ("when", "kind", "ending", "who", "verb_text", "arguments_short", "decided_by", "remote_addr")
    list_filter = (ActorFilter, VerbFilter, ("kind", ChoicesDropdownFilter), OutcomeFilter, ("at", DayRangeFilter))
    search_fields = ("actor", "verb", "arguments_text", "remote_addr")
    search_help_text = "User, verb, arguments, address"
    sortable_by = ("when",)  # by a column without an index each page would sort the whole table
    fieldsets = (
        (None, {"fields": ("when", "kind", "ending", "reason_text", "rule_text", "revision")}),
        ("Who", {"fields": ("actor_text", "actor_id", "remote_addr", "tls", "door")}),
        ("What", {"fields": ("verb_text", "arguments_shown", "arguments_list", "execution")}),
        ("How it ended", {"fields": ("exit_code", "bytes_in", "bytes_out", "duration")}),
        ("Written by", {"fields": ("id", "node")}),
    )
    readonly_fields = (
        "when",
        "ending",
        "reason_text",
        "rule_text",
        "actor_text",
        "verb_text",
        "arguments_shown",
        "arguments_list",
        "execution",
    )

    @admin.display(description="time", ordering="at")
    def when(self, event: AuditEvent) -> SafeString:
        return moment(event.at)

    @admin.display(description="outcome")
    def ending(self, event: AuditEvent) -> SafeString:
        return outcome_label(event.outcome, event.exit_code)

    @admin.display(description="user")
    def who(self, event: AuditEvent) -> SafeString:
        return short(event.actor)

    @admin.display(description="user")
    def actor_text(self, event: AuditEvent) -> str:
        return visible(event.actor)

    @admin.display(description="verb")
    def verb_text(self, event: AuditEvent) -> str:
        return visible(event.verb)

    @admin.display(description="arguments")
    def arguments_short(self, event: AuditEvent) -> SafeString:
        return short(event.arguments_text)

    @admin.display(description="decided by")
    def decided_by(self, event: AuditEvent) -> SafeString:
        return short(event.rule or event.reason)

    @admin.display(description="reason")
    def reason_text(self, event: AuditEvent) -> str:
        return visible(event.reason)

    @admin.display(description="decided by")
    def rule_text(self, event: AuditEvent) -> str | SafeString:
        """The rule in the words of then; the link leads to what it says today, if it is still there."""
        rule = Rule.objects.filter(pk=event.rule_id).first() if event.rule_id else None
        return link(rule, visible(event.rule)) if rule else visible(event.rule) or "no rule"

    @admin.display(description="arguments")
    def arguments_shown(self, event: AuditEvent) -> str:
        return visible(event.arguments_text)

    @admin.display(description="each argument")
    def arguments_list(self, event: AuditEvent) -> SafeString:
        try:
            arguments = decode_arguments(bytes(event.arguments))
        except ValueError:
            return format_html("not netstrings: <code>{}</code>", printable(bytes(event.arguments)))
        items = ((_length(argument), printable(argument)) for argument in arguments)
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{} bytes: <code>{}</code></li>", items))

    @admin.display(description="execution")
    def execution(self, event: AuditEvent) -> str | SafeString:
        if event.execution_id is None:
            return ""
        execution = Execution.objects.filter(pk=event.execution_id).first()
        return link(execution, event.execution_id) if execution else str(event.execution_id)


def _length(argument: bytes | Redacted) -> int:
    return argument.length if isinstance(argument, Redacted) else len(argument)
