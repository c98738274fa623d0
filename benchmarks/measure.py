"""Measuring sides in turn, so that whatever else the machine does meets all of them."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

WARM_UP = 3
FEWEST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Side:
    """One way to do what a case measures. `operate` does it once, and raises if the answer is not the right one.

    `clear` gets what `operate` returned, and is not in the time."""

    name: str
    operate: Callable[[], Any]
    clear: Callable[[Any], object] | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """What one side takes more than another. The two are named by their place in the case."""

    name: str
    more: int
    less: int


@dataclass(frozen=True, slots=True)
class Case:
    """`sides[0]` is the yardstick. `batch` operations of a side make its turn."""

    title: str
    sides: Sequence[Side]
    batch: int = 1
    difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class Result:
    """One side: seconds for an operation, and how many times the yardstick that was, round by round."""

    side: str
    seconds: Spread
    ratio: Spread
    operations: int


def measure(case: Case, seconds: float) -> list[Result]:
    """Run rounds for so long, in each a turn of every side, in an order drawn by lot.

    What comes after one side finds other caches than what comes after another, and each is to come after each."""
    times: list[list[list[float]]] = [[] for _ in case.sides]
    for side in case.sides:
        _turn(side, WARM_UP * case.batch)
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < FEWEST_ROUNDS or time.perf_counter() < end:
        for index in random.sample(range(len(case.sides)), len(case.sides)):
            times[index].append(_turn(case.sides[index], case.batch))
        rounds += 1
    medians = [[median(turn) for turn in turns] for turns in times]
    yardstick = medians[0]
    results = [
        Result(
            side.name,
            seconds=_spread([value for turn in times[index] for value in turn]),
            ratio=_spread([mine / theirs for mine, theirs in zip(medians[index], yardstick, strict=True)]),
            operations=rounds * case.batch,
        )
        for index, side in enumerate(case.sides)
    ]
    if case.difference is not None:
        more, less = medians[case.difference.more], medians[case.difference.less]
        rest = [mine - theirs for mine, theirs in zip(more, less, strict=True)]
        # The yardstick of the whole run: what is left of two of a few milliseconds swings enough by itself.
        ratio = _spread([each / median(yardstick) for each in rest])
        results.append(Result(case.difference.name, _spread(rest), ratio, rounds * case.batch))
    return results


def _turn(side: Side, count: int) -> list[float]:
    clock = time.perf_counter
    taken = []
    for _ in range(count):
        start = clock()
        done = side.operate()
        taken.append(clock() - start)
        if side.clear is not None:
            side.clear(done)
    return taken


def _spread(values: list[float]) -> Spread:
    """The median, and between which values the middle half lies."""
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Spread(low, median(values), high)
