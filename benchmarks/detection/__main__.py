"""``python -m benchmarks.detection``: train honest and falsified runs, judge each, print who was caught.

Exit 1 unless no honest run is accused and no falsified one is missed, with 95 % of those of all chosen sets caught (of
the random set, whose runs may tell too little to be judged, any share).
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.detection import table
from benchmarks.detection.case import Case
from benchmarks.detection.judge import Judge, Judgement, warm_children
from benchmarks.detection.recipe import ARCHITECTURES
from benchmarks.detection.sets import RANDOM, SETS, Set, set_of
from benchmarks.detection.workshop import Workshop

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "auditor" / "detection"


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; returns the exit code."""
    options = _parser().parse_args(arguments)
    found = {name: _of_set(name, options) for name in options.set or SETS}
    chosen = [one for name, judged in found.items() if name != RANDOM for one in judged]
    return 0 if table.holds(chosen) and not any(one.failed for one in found.get(RANDOM, ())) else 1


def _of_set(name: str, options: argparse.Namespace) -> list[Judgement]:
    began = time.monotonic()
    architectures = options.architecture or ARCHITECTURES
    chosen = partial(set_of, name, options.runs, options.seed)
    chosen().workshop(options.folder).prepare(architectures)
    work = partial(_judged_of, chosen, options.folder, options.only or [""], options.verbose)
    if options.jobs > 1:
        with ProcessPoolExecutor(min(options.jobs, len(architectures))) as pool:
            found = [one for batch in pool.map(work, architectures) for one in batch]
    else:
        found = [one for architecture in architectures for one in work(architecture)]
    print(f"## {name}\n\n{table.table(found)}")
    print(f"\n{len(found)} runs in {time.monotonic() - began:,.0f} seconds\n")
    return found


def _judged_of(
    chosen: Callable[[], Set], folder: Path, words: Sequence[str], verbose: bool, architecture: str
) -> list[Judgement]:
    """The chosen cases of one architecture; they are made here, because edits do not travel between processes."""
    found = [case for case in chosen().of(architecture) if any(word in case.name for word in words)]
    return judged(chosen().workshop(folder), found, verbose=verbose)


def judged(workshop: Workshop, cases: Sequence[Case], *, verbose: bool = False) -> list[Judgement]:
    """Train and judge the cases of one architecture."""
    os.environ["AUDIT_CACHE_DIR"] = str(workshop.folder / "reruns")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the runs are trained on the CPU
    workshop.train(recipe for case in cases for recipe in case.recipes)
    judge, found = Judge(workshop), []
    with warm_children():
        for case in cases:
            found.append(judge.judge(case))
            if verbose or found[-1].failed:
                _tell(found[-1])
    return found


def _tell(one: Judgement) -> None:
    print(f"{one.seconds:6.1f} s  {one.name}: {one.outcome} ({one.verdict}) {one.why}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--only", action="append", metavar="WORD", help="cases whose name has this in it")
    parser.add_argument(
        "--set", action="append", choices=(*SETS, RANDOM), help="which cases (default: all but random)"
    )
    parser.add_argument("--runs", type=int, default=40, help="pairs of the random set")
    parser.add_argument("--seed", type=int, default=7, help="that draws the random set")
    parser.add_argument("--architecture", action="append", choices=ARCHITECTURES)
    parser.add_argument("--jobs", type=int, default=1, help="architectures judged at the same time")
    parser.add_argument(
        "--folder", type=lambda text: Path(text).resolve(), default=CACHE, help="where trainings are kept"
    )
    parser.add_argument("--verbose", action="store_true", help="a line for each case")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
