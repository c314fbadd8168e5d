"""What a rerun costs besides its training: the plan, a question asked again, and one warm child against many processes.

    python benchmarks/rerun.py [rounds]

* plan: CPU of ``audit rerun --plan`` on the tiny fixture and on the real case, which needs no torch; reach 0.3 s. Bare
  Python and ``import numpy``, which it does without, stand beside it.
* cached: wall time of the whole rerun when its question was answered before; reach 1 s.
* warm: wall time of ten trainings of the tiny recipe (three steps each) in one child against ten children of one
  training; reach 3 times faster. The bits are compared: they must be equal.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from auditor.rerun import runner  # noqa: E402
from auditor.rerun.environments import environment  # noqa: E402 - the path comes first
from auditor.rerun.jobs import Inputs, job  # noqa: E402
from auditor.rerun.options import RerunOptions  # noqa: E402
from benchmarks._process import alternated, python  # noqa: E402
from tests.rerun import variants as v  # noqa: E402

TINY = ROOT / "fixtures" / "tiny"
ASK = (
    *("rerun", "candidate", "--repo", str(TINY / "repo.bundle"), "--base", str(TINY / "base")),
    *("--data", str(TINY / "data" / "train.jsonl"), "--format", "json"),
)
PLANS = {
    "plan": [sys.executable, "-m", "auditor", *ASK[:-2], "--plan"],
    "plan of the real case": [
        *(sys.executable, "-m", "auditor", "rerun", "caost-test-2", "--plan"),
        *("--repo", str(ROOT / "fixtures" / "seed" / "repo.bundle")),
    ],
    "bare": python("pass"),
    "numpy": python("import os; os.environ['OPENBLAS_NUM_THREADS'] = '1'; import numpy"),
}
TRAININGS, STEPS = 10, 3


def spawned(arguments: tuple[str, ...], surroundings: Mapping[str, str]) -> float:
    """Wall seconds of one command."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "auditor", *arguments],
        cwd=ROOT,
        env=dict(surroundings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if process.wait():
        raise SystemExit(f"audit {' '.join(arguments)} ended with {process.returncode}")
    return time.monotonic() - started


def orders(folder: Path) -> list[dict[str, Any]]:
    """Ten trainings that differ in their seed alone."""
    inputs = Inputs.of(RerunOptions(base=TINY / "base", data=TINY / "data" / "train.jsonl"))
    plan = v.plan_of_fixture()
    made = [job(f"t{n}", folder / f"t{n}", plan, inputs, seed=n) for n in range(TRAININGS)]
    return [{**order, "stop_at": STEPS} for order in made]


def train(folder: Path, groups: list[list[dict[str, Any]]]) -> float:
    """Seconds that the children take, one after the other."""
    started = time.monotonic()
    for number, group in enumerate(groups):
        scratch = folder / f"child-{number}"
        scratch.mkdir(parents=True)
        runner.run_child(
            group,
            scratch,
            environment=environment.variables(os.environ, 1),
            threads=1,
            steps=STEPS * len(group),
            progress=lambda *_: None,
        )
    return time.monotonic() - started


def weights(folder: Path) -> list[bytes]:
    """The adapters that were trained, in order."""
    return [(folder / f"t{n}" / "adapter_model.safetensors").read_bytes() for n in range(TRAININGS)]


def main(arguments: list[str]) -> int:
    """Measure and print one line a figure."""
    rounds = int(arguments[0]) if arguments else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        surroundings = {**kept, "AUDIT_CACHE_DIR": str(folder / "cache"), "CUDA_VISIBLE_DEVICES": ""}
        for what, spent in alternated(PLANS, rounds).items():
            print(f"{what}: {spent.cpu:.3f} s of CPU{' (reach 0.3)' if 'plan' in what else ''}")
        first = spawned(ASK, surroundings)
        again = [spawned(ASK, surroundings) for _ in range(rounds)]
        print(f"cached: {min(again):.2f} s after {first:.1f} s the first time (reach 1)")
        one = train(folder / "one", [orders(folder / "one")])
        many = train(folder / "many", [[order] for order in orders(folder / "many")])
        if weights(folder / "one") != weights(folder / "many"):
            raise SystemExit("a warm child and fresh ones trained other bits")
        print(
            f"warm: {one:.1f} s for {TRAININGS} trainings, {many:.1f} s in as many processes: {many / one:.1f} x"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
