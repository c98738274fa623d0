"""What a shadow run tells: attempts that come out otherwise in the same way, together, and all of them in figures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from commands.models import AuditEvent
from commands.outcome import Outcome

SAMPLES = 3
ACCEPTED = Outcome.ACCEPTED.value

NOTES = (
    "Decided by the draft, by the users and groups of today, at the time and from the address of then.",
    "Not replayed: limits, the selected mailbox (conditions on it let allow, and never deny), and secret arguments"
    " (each is taken for one that fits).",
)


@dataclass(slots=True)
class Group:
    """Attempts of one user to run one verb that come out otherwise in the same way."""

    username: str
    verb: str
    was: str
    was_by: str
    would_be: str
    would_be_by: str
    first: datetime
    last: datetime
    count: int = 0
    samples: list[str] = field(default_factory=list)

    def add(self, event: AuditEvent) -> None:
        self.count += 1
        self.first, self.last = min(self.first, event.at), max(self.last, event.at)
        if len(self.samples) <= SAMPLES and event.arguments_text not in self.samples:
            self.samples.append(event.arguments_text)

    def lines(self) -> Iterator[str]:
        yield f"{self.username}: {self.verb}: {self.was} → {self.would_be}, {_times(self.count)}, {_span(self)}"
        yield f"    arguments: {self.arguments}"
        yield f"    was:       {self.was_by}"
        yield f"    would be:  {self.would_be_by}"

    @property
    def arguments(self) -> str:
        shown = [text or "(none)" for text in self.samples[:SAMPLES]]
        return "; ".join(shown) + ("; …" if len(self.samples) > SAMPLES else "")


def summary(decided: int, skipped: int, lost: int, gained: int, differing: int) -> str:
    """`lost` would no longer run, `gained` would: some of the `differing` would be refused for another reason."""
    text = f"{_attempts(decided)} decided again: "
    if not differing:
        text += "none would come out otherwise."
    else:
        text += f"{differing} would come out otherwise ({lost} would no longer run, {gained} would)."
    if skipped:
        text += f" {_attempts(skipped)} not: the user is gone, or what was given is not known."
    return text


def _attempts(count: int) -> str:
    return "1 attempt was" if count == 1 else f"{count} attempts were"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _span(group: Group) -> str:
    first, last = (f"{timezone.localtime(at):%Y-%m-%d %H:%M}" for at in (group.first, group.last))
    return first if first == last else f"{first} to {last}"
