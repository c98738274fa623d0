"""Executions whose server died: they have a start and no end, and are marked lost.

Whether a process lives is told by the chain of its writer: it is refreshed every ten seconds. Several machines may
share one database, so what another one runs is lost only when that has not been seen for a while.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import Iterable
from datetime import timedelta

from django.db import Error as StoreError
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from commands import audit, partitions, rows
from commands.evidence import head
from commands.models import AuditEvent, Chain, Execution
from commands.outcome import Outcome
from commands.transcript.digest import digest
from commands.transcript.reading import read_chunks

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60
# Six refreshes of a writer: one that is held up that long holds up its executions' records too.
UNSEEN = timedelta(seconds=60)
AT_ONCE = 100
PARTITIONS_SECONDS = 24 * 3600


async def watch() -> None:
    """At once and then every minute mark what is lost, and once a day see to the record's partitions. Cancel it."""
    loop = asyncio.get_running_loop()
    partitions_due = loop.time()
    while True:
        try:
            if loop.time() >= partitions_due:
                await asyncio.to_thread(_ensure_partitions)
                partitions_due = loop.time() + PARTITIONS_SECONDS
            while marked := await audit.writer.submit(mark_lost):
                logger.warning("%d executions were running when their server died: marked lost", marked)
        except (StoreError, audit.StoreUnavailable):
            logger.warning("What was lost could not be looked for", exc_info=True)
        await asyncio.sleep(LOOK_SECONDS)


def _ensure_partitions() -> None:
    try:
        partitions.ensure()
    finally:
        connection.close()  # this thread's


def mark_lost() -> int:
    """Mark some of those that are lost, and return how many; 0: there are none left. A unit of the writer."""
    running = Execution.objects.filter(outcome="").exclude(chain_id__in=head.own_chains())
    chains = set(running.order_by().values_list("chain_id", flat=True).distinct())
    living = _living(chain for chain in chains if chain is not None)
    lost = list(running.exclude(chain_id__in=living)[:AT_ONCE])
    for execution in lost:
        _mark(execution)
    return len(lost)


def _living(chains: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the chains whose process lives, or may live."""
    seen = Chain.objects.filter(pk__in=list(chains), ended_at__isnull=True, seen_at__gte=Now() - UNSEEN)
    return {chain.pk for chain in seen if not _is_gone(chain.node)}


def _is_gone(node: str) -> bool:
    """Whether this was a process of this machine, and is no more."""
    host, _, pid = node.rpartition(":")
    here, _, own = head.node().rpartition(":")
    if host != here:
        return False
    if pid == own:
        return True  # it had this process's number before
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):
        pass
    return False


def _mark(execution: Execution) -> None:
    values = {"outcome": Outcome.LOST, "ended": timezone.now()}
    if not rows.update(Execution, values, where={"id": execution.pk, "outcome": ""}):
        return  # another server was quicker, or it has ended after all
    recorded = execution.transcript != "none"
    audit.record_event(
        kind=AuditEvent.Kind.EXIT,
        outcome=Outcome.LOST,
        reason=f"its server died: {execution.node or 'one that did not say its name'}",
        actor_id=execution.user_id,
        actor=execution.username,
        remote_addr=execution.remote_addr,
        tls=execution.tls,
        client_id=execution.client_id,
        door=execution.door,
        execution_id=execution.pk,
        verb=execution.verb,
        transcript_digest=digest(read_chunks(execution.pk)) if recorded else None,
    )
