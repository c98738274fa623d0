from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from commands.admin.base import may_view
from commands.admin.export import ExportMixin
from commands.admin.filters import ActorFilter, AddressFilter, DayRangeFilter, KindFilter, OutcomeFilter, VerbFilter
from commands.admin.record import RecordAdmin
from commands.admin.text import kind_label, link, moment, outcome_label, short
from commands.audit import Redacted, decode_arguments, printable
from commands.models import AuditEvent, Rule, Verb
from commands.web.text import visible


@admin.register(AuditEvent)
class AuditEventAdmin(ExportMixin, RecordAdmin):
    empty_text = "No audit event yet: nobody has logged in by IMAP, and nothing was run or refused."
    list_display = ("when", "kind_text", "ending", "who", "call", "decided_by", "remote_addr")
    list_filter = (
        *(ActorFilter, AddressFilter, VerbFilter, KindFilter, OutcomeFilter),
        ("at", DayRangeFilter),
    )
    search_fields = ("actor", "verb", "arguments_text", "reason", "=outcome", "=remote_addr")
    search_help_text = "User, verb, arguments, reason, outcome, address"
    fieldsets = (
        (None, {"fields": ("when", "kind_text", "ending", "reason_text", "rule_text", "revision", "explain_now")}),
        ("Who", {"fields": ("actor_text", "actor_id", "remote_addr", "tls", "client_text", "door")}),
        ("What", {"fields": ("verb_text", "arguments_shown", "arguments_list", "execution")}),
        ("How it ended", {"fields": ("exit_code", "bytes_in", "bytes_out", "duration")}),
        ("Written by", {"fields": ("id", "node", "chain_id", "sequence", "epoch", "mac_text", "transcript_text")}),
    )
    readonly_fields = (
        *("when", "kind_text", "ending", "reason_text", "rule_text", "explain_now", "actor_text", "client_text"),
        *("verb_text", "arguments_shown", "arguments_list", "execution", "mac_text", "transcript_text"),
    )

    @admin.display(description="time", ordering="at")
    def when(self, event: AuditEvent) -> SafeString:
        return moment(event.at)

    @admin.display(description="outcome")
    def ending(self, event: AuditEvent) -> SafeString:
        return outcome_label(event.outcome, event.exit_code)

    @admin.display(description="kind")
    def kind_text(self, event: AuditEvent) -> SafeString:
        return kind_label(event.kind)

    @admin.display(description="user")
    def who(self, event: AuditEvent) -> SafeString:
        return short(event.actor, 20)

    @admin.display(description="user")
    def actor_text(self, event: AuditEvent) -> str:
        return visible(event.actor)

    @admin.display(description="client")
    def client_text(self, event: AuditEvent) -> str:
        return visible(event.client_id)

    @admin.display(description="verb")
    def verb_text(self, event: AuditEvent) -> str:
        return visible(event.verb)

    @admin.display(description="call")
    def call(self, event: AuditEvent) -> SafeString:
        """All that was asked for in one column: two would push the address out of a window of 1280 pixels."""
        is_change = event.kind == AuditEvent.Kind.CHANGE  # whose arguments are what changed of the verb
        return short(event.verb if is_change else f"{event.verb} {event.arguments_text}", 44, wraps=True)

    @admin.display(description="decided by")
    def decided_by(self, event: AuditEvent) -> SafeString:
        return short(event.rule or event.reason, 44, wraps=True)

    @admin.display(description="reason")
    def reason_text(self, event: AuditEvent) -> str:
        return visible(event.reason)

    @admin.display(description="decided by")
    def rule_text(self, event: AuditEvent) -> str | SafeString:
        """The rule in the words of then; the link leads to what it says today, if it is still there."""
        rule = event.standing_rule
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
        return link(event.execution, event.execution_id) if event.execution else str(event.execution_id)

    @admin.display(description="today's map")
    def explain_now(self, event: AuditEvent) -> str | SafeString:
        """Whether the same would be decided now, for those who may see what is decided on."""
        if not event.verb or event.kind not in (AuditEvent.Kind.ACCEPT, AuditEvent.Kind.REJECT):
            return ""
        address = f"{reverse('admin:commands_rule_explain')}?event={event.pk}"
        return format_html('<a href="{}" class="text-link">Why? Explain it by the rules of now</a>', address)

    @admin.display(description="seal")
    def mac_text(self, event: AuditEvent) -> str:
        return bytes(event.mac).hex() if event.mac else "none: an earlier version wrote it"

    @admin.display(description="transcript's SHA-256")
    def transcript_text(self, event: AuditEvent) -> str:
        return bytes(event.transcript_digest).hex() if event.transcript_digest else ""

    def get_fieldsets(self, request: HttpRequest, obj: AuditEvent | None = None) -> Any:
        """Without the way to the rules for those who may not see them."""
        hidden = set() if may_view(request, Rule) and may_view(request, Verb) else {"explain_now"}
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name not in hidden]})
            for title, options in super().get_fieldsets(request, obj)
        ]


def _length(argument: bytes | Redacted) -> int:
    return argument.length if isinstance(argument, Redacted) else len(argument)
