"""python -m benchmarks: measure, and print the table."""

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from benchmarks import report
from benchmarks.authorize import authorize
from benchmarks.dialogue import dialogue
from benchmarks.measure import Case, measure
from benchmarks.one_shot import one_shot
from benchmarks.output import output
from benchmarks.policy import policy
from benchmarks.relay import fetch, noop
from benchmarks.stay import stay
from benchmarks.trial import Trial, Unavailable

CASES: dict[str, Callable[[Trial, Callable[[str], object]], Iterable[Case]]] = {
    "one-shot": one_shot,
    "authorize": authorize,
    "dialogue": dialogue,
    "output": output,
    "noop": noop,
    "fetch": fetch,
    "stay": stay,
    "policy": policy,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"Of {', '.join(CASES)}; all if none is named.")
    parser.add_argument("--messages", type=int, default=2000, help="In the mailbox of fetch and stay (%(default)s).")
    parser.add_argument("--seconds", type=float, default=15, help="For each table row's case (%(default)s).")
    options = parser.parse_args()
    unknown = set(options.cases) - set(CASES)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    left_out: dict[str, None] = {}
    print(f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}, Python {platform.python_version()}")
    print(f"\n{report.HEAD}")
    with tempfile.TemporaryDirectory(prefix="imapx-benchmark-") as directory, ExitStack() as stack:
        trial = Trial(stack, Path(directory), options.messages)
        for name in options.cases or CASES:
            try:
                cases = CASES[name](trial, lambda reason: left_out.setdefault(reason))
            except Unavailable as reason:
                left_out[f"{name}: {reason}"] = None
                continue
            for case in cases:
                print(report.rows(case.title, measure(case, options.seconds)), flush=True)
            trial.close_clients()
    for each in left_out:
        print(f"\nLeft out: {each}.")


if __name__ == "__main__":
    main()
