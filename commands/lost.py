"""Executions whose server died: they have a start and no end, and are marked lost.

With them goes what it has left in the tables of what goes on now.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from django.db import Error as StoreError
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from commands import audit, partitions, rows
from commands.evidence import head
from commands.living import UNSEEN, living
from commands.models import AuditEvent, Connection, EndRequest, Execution, Watcher
from commands.outcome import Outcome
from commands.transcript.digest import digest
from commands.transcript.reading import read_chunks

logger = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_SECONDS = 60
AT_ONCE = 100
PARTITIONS_SECONDS = 24 * 3600
RETRY_SECONDS = 3600


async def watch() -> None:
    """At once and then every minute mark what is lost, and sweep; once a day see to the partitions. Cancel it."""
    loop = asyncio.get_running_loop()
    partitions_due = loop.time()
    await asyncio.to_thread(_see_key)
    while True:
        if loop.time() >= partitions_due:
            made = await asyncio.to_thread(_closing, _ensure_partitions)
            partitions_due = loop.time() + (PARTITIONS_SECONDS if made else RETRY_SECONDS)
        try:
            while lost := await asyncio.to_thread(_closing, find_lost):
                marked = await audit.writer.submit(partial(mark_lost, lost))
                logger.warning("%d executions were running when their server died: marked lost", marked)
            if swept := await audit.writer.submit(sweep):
                logger.warning("%d connections were open when their server died", swept)
        except (StoreError, audit.StoreUnavailable):
            logger.warning("What was lost could not be looked for", exc_info=True)
        except Exception:  # an edge: whatever is wrong with one execution, the next look is in a minute
            logger.exception("What was lost could not be looked for")
        await asyncio.sleep(LOOK_SECONDS)


def _see_key() -> None:
    """Make the key, or say that it can't be used, when the server starts: not when somebody first wants something."""
    try:
        head.take_key()
    except head.NoKey as error:
        logger.error("Nothing can be recorded, so nothing will be run: %s", error)


def _ensure_partitions() -> bool:
    try:
        partitions.ensure()
    except StoreError:  # the default partition takes what has none: the rest goes on
        logger.warning("The partitions of the record could not be made", exc_info=True)
        return False
    return True


def _closing(act: Callable[[], T]) -> T:
    try:
        return act()
    finally:
        connection.close()  # this thread's


@dataclass(frozen=True, slots=True)
class Lost:
    execution: Execution
    transcript_digest: bytes | None
    """Of what was left of its transcript: read here, since all would wait for the writer to read it."""


def find_lost() -> list[Lost]:
    """Some of those that are lost; none: there are none left. It may take as long as their transcripts are."""
    running = Execution.objects.filter(outcome="").exclude(chain_id__in=head.own_chains())
    chains = set(running.order_by().values_list("chain_id", flat=True).distinct())
    # Not those of all chains but the living: one may have begun since they were read.
    dead = chains - living(chains)
    lost = running.filter(Q(chain_id__in=dead - {None}) | Q(chain_id__isnull=True))
    return [
        Lost(execution, digest(read_chunks(execution.pk)) if execution.transcript != "none" else None)
        for execution in lost[:AT_ONCE]
    ]


def mark_lost(lost: Iterable[Lost]) -> int:
    """Mark them, and return how many there were. A unit of the writer."""
    # What this process has accepted while they were looked for is none of them.
    own = head.own_chains()
    return sum(_mark(each) for each in lost if each.execution.chain_id not in own)


def sweep() -> int:
    """Delete what dead processes have left in the tables of what goes on now, and return how many connections that
    was. A unit of the writer."""
    chains = set(Connection.objects.order_by().values_list("chain_id", flat=True).distinct())
    dead = chains - living(chains)
    stale, _ = Connection.objects.filter(chain_id__in=dead).delete() if dead else (0, {})
    target = OuterRef("target")
    running, connected = Execution.objects.filter(pk=target, outcome=""), Connection.objects.filter(pk=target)
    # Whose target has gone by itself. Not by their time: a process that was held up serves them late, but it does.
    EndRequest.objects.filter(~Exists(running), ~Exists(connected)).delete()
    Watcher.objects.filter(seen_at__lt=Now() - UNSEEN).delete()
    return stale


def _mark(lost: Lost) -> bool:
    execution = lost.execution
    values = {"outcome": Outcome.LOST, "ended": timezone.now()}
    if not rows.update(Execution, values, where={"id": execution.pk, "outcome": ""}):
        return False  # another server was quicker, or it has ended after all
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
        transcript_digest=lost.transcript_digest,
    )
    return True
