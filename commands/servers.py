"""What each server tells of itself to the pages of all: that it lives, how its engine is, how far its record is behind.

In the database, since the pages may be served by another process, or on another machine."""

from datetime import timedelta

from django.db.models.functions import Now
from django.utils import timezone

from commands import audit
from commands.evidence import head
from commands.living import UNSEEN
from commands.models import Server

SHOWN = timedelta(hours=1)
"""So long one that has vanished is told of: whoever looks after it has looked by then."""


def note(engine: str, fault: str) -> None:
    """Of this process, every few seconds. `fault`: empty if the engine has answered. Raises DatabaseError."""
    now = timezone.now()
    found = {
        "seen_at": now,
        "engine": engine[:200],
        "engine_fault": fault[:400],
        "audit_waiting": audit.writer.waiting(),
        "audit_lag": audit.writer.lag(),
    }
    _, is_new = Server.objects.update_or_create(
        node=head.node(), defaults=found, create_defaults={**found, "since": now}
    )
    if is_new:
        Server.objects.filter(seen_at__lt=Now() - SHOWN).delete()


def forget() -> None:
    """This process ends as it should. Raises DatabaseError."""
    Server.objects.filter(node=head.node()).delete()


def told() -> list[Server]:
    """All that live, and those that have vanished a short while ago, by name."""
    return list(Server.objects.filter(seen_at__gte=Now() - SHOWN).order_by("node"))


def is_silent(server: Server) -> bool:
    return server.seen_at < timezone.now() - UNSEEN
