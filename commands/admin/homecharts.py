"""The bars of the first page: what templates/admin/home_chart.html draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from commands.admin.base import may_view
from commands.admin.homecounts import CAP, Count, Span, counts, in_span, last_day, last_hour, last_week, rejects, total
from commands.models import AuditEvent, Execution

WIDTH, HEIGHT = 240, 60  # of the drawing, in its own units


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of what is counted, over all spans of a chart, by its plural in -s. `css` is its colour's class."""

    name: str
    css: str
    counts: Sequence[Count]
    address: str

    @property
    def total(self) -> Count:
        return total(self.counts)

    def told(self, count: Count) -> str:
        words = f"{count} {self.name.lower()}"
        return words.removesuffix("s") if words.startswith("1 ") else words

    @property
    def legend(self) -> str:
        return self.told(self.total)


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    css: str
    text: str


@dataclass(frozen=True)
class Chart:
    key: str
    title: str
    spans: Sequence[Span]
    series: Sequence[Series]

    @property
    def description(self) -> str:
        return f"From {self.spans[0].name}: " + ", ".join(
            f"{'at least ' if each.total.is_capped else ''}{each.legend.replace('+', '')}" for each in self.series
        )

    @property
    def is_capped(self) -> bool:
        return any(each.total.is_capped for each in self.series)

    @property
    def cap(self) -> str:
        return f"{CAP:,}"

    @property
    def highest(self) -> int:
        return max(count.number for each in self.series for count in each.counts)

    @property
    def bars(self) -> list[Bar]:
        """Those of one span stand beside each other; the highest of all fills the height."""
        room = WIDTH / len(self.spans)
        width = room * 0.8 / len(self.series)
        bars = []
        for place, each in enumerate(self.series):
            for number, (span, count) in enumerate(zip(self.spans, each.counts, strict=True)):
                if count:
                    height = max(2.0, HEIGHT * count.number / self.highest)  # one among thousands is seen too
                    x = room * number + room * 0.1 + width * place
                    text = f"{span.name}: {each.told(count)}"
                    bars.append(
                        Bar(round(x, 2), round(HEIGHT - height, 2), round(width, 2), round(height, 2), each.css, text)
                    )
        return bars

    @property
    def rows(self) -> list[tuple[str, list[Count]]]:
        return [(span.name, [each.counts[number] for each in self.series]) for number, span in enumerate(self.spans)]


def charts(request: HttpRequest, now: datetime) -> list[Chart]:
    """Of what the one who asks may view; none if that is neither executions nor events."""
    windows = [
        ("hour", "Last hour", last_hour(now)),
        ("day", "Last day", last_day(now)),
        ("week", "Last 7 days", last_week(now)),
    ]
    spans = [span for _, _, each in windows for span in each]
    found = []
    if may_view(request, Execution):
        number = counts([in_span(Execution.objects.all(), "started", span) for span in spans], "started")
        address = f"{reverse('admin:commands_execution_changelist')}?started_from="
        found.append(("Executions", "home-executions", number, address))
    if may_view(request, AuditEvent):
        number = counts([in_span(rejects(), "at", span) for span in spans], "at")
        address = f"{reverse('admin:commands_auditevent_changelist')}?kind=reject&at_from="
        found.append(("Refusals", "home-refusals", number, address))
    if not found:
        return []
    made, first = [], 0
    for key, title, each in windows:
        part = slice(first, first + len(each))
        since = timezone.localtime(each[0].start).date()
        series = [Series(name, css, number[part], f"{address}{since}") for name, css, number, address in found]
        made.append(Chart(key, title, each, series))
        first += len(each)
    return made
