"""The first page: what ran last, and what was refused last."""

from django.http import HttpRequest
from django.urls import reverse

from commands.admin.base import Context, RelatedTable, may_view
from commands.admin.text import link, moment, outcome_label, short, visible
from commands.models import AuditEvent, Execution

ROWS = 8


def add_recent(request: HttpRequest, context: Context) -> Context:
    """Unfold's dashboard callback: put into the page what the one who asks may see."""
    tables = []
    if may_view(request, Execution):
        tables.append(recent_executions())
    if may_view(request, AuditEvent):
        tables += recent_alerts(), recent_refusals()
    return {**context, "recent": tables}


def recent_executions() -> RelatedTable:
    return RelatedTable(
        title="Last executions",
        headers=("Started", "User", "Verb", "Outcome"),
        rows=[
            [
                link(execution, moment(execution.started)),
                visible(execution.username),
                short(f"{execution.verb} {execution.arguments_text}"),
                outcome_label(execution.outcome, execution.exit_code),
            ]
            for execution in Execution.objects.all()[:ROWS]
        ],
        empty_text="No verb has been run yet.",
        links=[(reverse("admin:commands_execution_changelist"), "All executions")],
    )


def recent_refusals() -> RelatedTable:
    events = AuditEvent.objects.filter(kind=AuditEvent.Kind.REJECT)[:ROWS]
    return RelatedTable(
        title="Last refusals",
        headers=("Time", "User", "Verb", "Outcome", "Decided by"),
        rows=[
            [
                link(event, moment(event.at)),
                short(event.actor),
                short(f"{event.verb} {event.arguments_text}"),
                outcome_label(event.outcome, event.exit_code),
                short(event.rule or event.reason),
            ]
            for event in events
        ],
        empty_text="Nothing has been refused yet.",
        links=[(f"{reverse('admin:commands_auditevent_changelist')}?kind=reject", "All refusals")],
    )


def recent_alerts() -> RelatedTable:
    return RelatedTable(
        title="Last alerts",
        headers=("Time", "Outcome", "User", "Address", "Reason"),
        rows=[
            [
                link(event, moment(event.at)),
                outcome_label(event.outcome, event.exit_code),
                short(event.actor),
                event.remote_addr or "",
                short(event.reason),
            ]
            for event in AuditEvent.objects.filter(kind=AuditEvent.Kind.ALERT)[:ROWS]
        ],
        empty_text="No alert: nothing was found that somebody should look at.",
        links=[(f"{reverse('admin:commands_auditevent_changelist')}?kind=alert", "All alerts")],
    )
