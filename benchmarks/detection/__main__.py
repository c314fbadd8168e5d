"""``python -m benchmarks.detection``: train honest and falsified runs, judge each, print who was caught.

Exit 1 unless no honest run is accused and no falsified one is missed, with 95 % of them caught.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.detection import falsified, honest, table
from benchmarks.detection.case import Case
from benchmarks.detection.judge import Judge, Judgement, warm_children
from benchmarks.detection.recipe import ARCHITECTURES
from benchmarks.detection.workshop import Workshop

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "auditor" / "detection"


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; returns the exit code."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    architectures = options.architecture or ARCHITECTURES
    chosen = [
        case
        for name in architectures
        for case in (*honest.cases(name), *falsified.cases(name))
        if not options.only or any(word in case.name for word in options.only)
    ]
    Workshop(options.folder).prepare(architectures)
    batches = [[case for case in chosen if case.declared.architecture == name] for name in architectures]
    work = partial(judged, options.folder, verbose=options.verbose)
    if options.jobs > 1:
        with ProcessPoolExecutor(min(options.jobs, len(batches))) as pool:
            found = [one for batch in pool.map(work, batches) for one in batch]
    else:
        found = [one for batch in batches for one in work(batch)]
    print(table.table(found))
    print(f"\n{len(found)} runs in {time.monotonic() - began:,.0f} seconds")
    return 0 if table.holds(found) else 1


def judged(folder: Path, cases: Sequence[Case], *, verbose: bool = False) -> list[Judgement]:
    """Train and judge the cases of one architecture."""
    os.environ["AUDIT_CACHE_DIR"] = str(folder / "reruns")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the runs are trained on the CPU
    workshop = Workshop(folder)
    workshop.train(recipe for case in cases for recipe in case.recipes)
    judge, found = Judge(workshop), []
    with warm_children():
        for case in cases:
            found.append(judge.judge(case))
            if verbose or found[-1].failed:
                _tell(found[-1])
    return found


def _tell(one: Judgement) -> None:
    print(f"{one.seconds:6.1f} s  {one.case.name}: {one.outcome} ({one.verdict}) {one.why}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--only", action="append", metavar="WORD", help="cases whose name has this in it")
    parser.add_argument("--architecture", action="append", choices=ARCHITECTURES)
    parser.add_argument("--jobs", type=int, default=1, help="architectures judged at the same time")
    parser.add_argument(
        "--folder", type=lambda text: Path(text).resolve(), default=CACHE, help="where trainings are kept"
    )
    parser.add_argument("--verbose", action="store_true", help="a line for each case")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
