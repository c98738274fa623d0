"""The record of what somebody sent that could not be read as a wish to run a verb."""

import logging

from commands import audit
from commands.models import AuditEvent
from commands.outcome import Outcome

logger = logging.getLogger(__name__)


async def record_unparsable(
    *,
    user_id: int,
    username: str,
    verb: str,
    reason: str,
    door: str,
    remote_addr: str | None,
    tls: bool,
    client_id: str,
) -> None:
    """Record a reject without arguments: any of them may be a secret. It only logs if the store is away."""
    try:
        await audit.writer.submit(
            lambda: audit.record_event(
                kind=AuditEvent.Kind.REJECT,
                outcome=Outcome.UNPARSABLE,
                reason=reason,
                actor_id=user_id,
                actor=username,
                verb=verb,
                door=door,
                remote_addr=remote_addr,
                tls=tls,
                client_id=client_id,
            )
        )
    except audit.StoreUnavailable:
        logger.exception("Not recorded: unparsable command of %r from %s: %s", username, remote_addr, reason)
