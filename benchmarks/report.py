"""Results as a table in Markdown."""

from collections.abc import Iterable

from benchmarks.measure import Result, Spread

HEAD = "| | median | middle half | ratio | middle half | times |\n| --- | ---: | ---: | ---: | ---: | ---: |"


def rows(title: str, results: Iterable[Result]) -> str:
    """The rows of one case. The ratio is that of medians within a round, and of these the median."""
    return "\n".join([f"| **{title}** | | | | | |", *(_row(result) for result in results)])


def _row(result: Result) -> str:
    ratio = result.ratio
    cells = (
        result.side,
        _duration(result.seconds.median),
        _range(result.seconds),
        f"{ratio.median:.2f}",
        f"{ratio.low:.2f} to {ratio.high:.2f}",
        f"{result.operations:,}",
    )
    return f"| {' | '.join(cells)} |"


def _duration(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if abs(seconds) >= 1e-3 else f"{seconds * 1e6:.0f} µs"


def _range(spread: Spread) -> str:
    return f"{_duration(spread.low)} to {_duration(spread.high)}"
