"""Viewing and exporting the record is recorded, before anything of it is shown."""

from typing import Any

from commands import audit
from commands.models import AuditEvent, Execution
from commands.outcome import Outcome


def record_view(how: str, *, door: str, execution: Execution | None = None, **who: Any) -> None:
    """Record that somebody is about to see a transcript, or an export of the log (`execution` None).

    `who`: actor, actor_id, remote_addr, tls. Returns after the COMMIT; raises audit.StoreUnavailable: then nothing may
    be shown.
    """
    what = {} if execution is None else {"execution_id": execution.pk, "verb": execution.verb}
    audit.record_now(kind=AuditEvent.Kind.VIEW, outcome=Outcome.OK, reason=how, door=door, **what, **who)
