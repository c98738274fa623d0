"""When the whole record was verified last, as verifyaudit has noted it: a reminder for the pages, no evidence."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from django.utils import timezone

from commands.evidence.anchors import Anchor
from commands.models import Verification


class Newest:
    """Passes anchors on, and keeps when the newest was told; None: there was none."""

    def __init__(self) -> None:
        self.at: datetime | None = None

    def of(self, anchors: Iterable[Anchor]) -> Iterator[Anchor]:
        for anchor in anchors:
            try:
                at = datetime.fromisoformat(anchor.at)
            except ValueError:  # a syslog's line of another form: what it says of the chain counts all the same
                at = None
            if at is not None:
                at = at if at.tzinfo else at.replace(tzinfo=UTC)
                self.at = at if self.at is None else max(self.at, at)
            yield anchor


def note(events: int, faults: int, anchored_until: datetime | None, made_by: str) -> None:
    """Raises DatabaseError: a role that may only read the record can't."""
    Verification.objects.create(
        at=timezone.now(),
        made_by=made_by[:200],
        events=events,
        faults=faults,
        anchored_until=anchored_until,
    )


def last() -> Verification | None:
    return Verification.objects.order_by("-at").first()
