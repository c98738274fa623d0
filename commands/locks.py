"""Locks: make and lift them, and which of the executions that run now they cover."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from commands.models import Execution, Lock, Verb
from commands.policy import Request, Subject
from commands.rulebook.rules import rule_from_lock

END_SECONDS = 3.0
"""How long the end of executions is awaited: three times what it takes."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a lock is on: exactly one of these."""

    user: User | None = None
    verb: Verb | None = None
    network: str = ""
    everything: bool = False

    @property
    def locks(self) -> QuerySet[Lock]:
        """Those on just this, also such as are over."""
        return Lock.objects.select_related("user", "verb").filter(
            user=self.user, verb=self.verb, network=self._lock().network, everything=self.everything
        )

    def __str__(self) -> str:
        return self._lock().covers

    def _lock(self) -> Lock:
        lock = Lock(user=self.user, verb=self.verb, network=self.network, everything=self.everything, reason="-")
        lock.clean()  # brings the network into its one form
        return lock


def make(target: Target, reason: str, made_by: str, until: datetime | None = None) -> Lock:
    """Lock it from now on. Raises ValidationError."""
    lock = Lock(
        user=target.user,
        verb=target.verb,
        network=target.network,
        everything=target.everything,
        reason=reason,
        until=until,
        made_by=made_by[:150],
    )
    lock.full_clean()
    lock.save()
    return lock


def stands(lock: Lock) -> bool:
    """Whether it holds now."""
    return lock.until is None or lock.until > timezone.now()


def running(lock: Lock) -> list[Execution]:
    """What runs now, in any process, and is covered: its process ends it within a second."""
    rule, now = rule_from_lock(lock), timezone.localtime()
    return [
        execution
        for execution in Execution.objects.filter(outcome="").order_by("started")
        if rule.matches(
            Request(
                subject=Subject(execution.user_id, execution.username),
                verb=execution.verb,
                at=now,
                remote_addr=execution.remote_addr,
            )
        )
    ]


def await_end(executions: Sequence[Execution]) -> list[Execution]:
    """Wait until they have ended, END_SECONDS at most; return them as they are on record then."""
    keys, deadline = [execution.pk for execution in executions], time.monotonic() + END_SECONDS
    while Execution.objects.filter(pk__in=keys, outcome="").exists() and time.monotonic() < deadline:
        time.sleep(0.1)  # another process ends them, and nobody tells
    return list(Execution.objects.filter(pk__in=keys).order_by("started"))
