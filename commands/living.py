"""Which processes live, as far as can be known from here: told by the chains of their writers.

A writer refreshes its chain every ten seconds. Several machines may share one database, so a process of another one is
dead only when that has not been seen for a while.
"""

import os
import uuid
from collections.abc import Iterable
from datetime import timedelta

from django.db.models.functions import Now

from commands.evidence import head
from commands.models import Chain

# Six refreshes of a writer: one that is held up that long holds up its executions' records too.
UNSEEN = timedelta(seconds=60)


def living(chains: Iterable[uuid.UUID | None]) -> set[uuid.UUID]:
    """Those of the chains whose process lives, or may live. This process's own do. Reads the database."""
    known = {chain for chain in chains if chain is not None}
    own = known & head.own_chains()
    if known == own:
        return own
    seen = Chain.objects.filter(pk__in=known - own, ended_at__isnull=True, seen_at__gte=Now() - UNSEEN)
    return own | {chain.pk for chain in seen if not _is_gone(chain.node)}


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
