"""Ten trainings of the tiny recipe in every place: one warm child, two side by side, jobs of submitit, tasks of Ray.

    python benchmarks/fleet.py [rounds] [all]

Wall and CPU seconds of the whole process with everything it started, alternated, minimum; one warm child = 1.0. ``all``
adds submitit and Ray, whose trainings are a process each; a place whose library is missing is left out. The bits of all
places are compared: they must be equal.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from auditor.rerun.environments.interpreter import Interpreter  # noqa: E402
from auditor.rerun.fleet.choose import executor  # noqa: E402
from auditor.rerun.fleet.order import Order, Site  # noqa: E402
from auditor.rerun.fleet.where import parse  # noqa: E402
from auditor.rerun.followed import Followed  # noqa: E402
from auditor.rerun.jobs import Inputs, job  # noqa: E402 - the path comes first
from auditor.rerun.options import RerunOptions  # noqa: E402
from tests.rerun import variants as v  # noqa: E402

TINY = ROOT / "fixtures" / "tiny"
TRAININGS, STEPS = 10, 3
PLACES = {
    "one warm child": ("local", None, None),
    "--jobs 2": ("local", 2, "joblib"),
    "--on slurm:cluster=local --jobs 2": ("slurm:cluster=local", 2, "submitit"),
    "--on ray --jobs 2": ("ray:num_cpus=0.5", 2, "ray"),
}


def train(name: str, folder: Path) -> None:
    """Ten trainings that differ in their seed alone, in one place."""
    where, jobs, _ = PLACES[name]
    inputs = Inputs.of(RerunOptions(base=TINY / "base", data=TINY / "data" / "train.jsonl"))
    plan = v.plan_of_fixture()
    orders = []
    for number in range(TRAININGS):
        output = folder / f"t{number}"
        entry = {**job(output.name, output, plan, inputs, seed=number), "stop_at": STEPS}
        orders.append(Order(output.name, output, (entry,), STEPS, threads=1))
    versions = dict.fromkeys(("torch", "transformers", "peft", "bitsandbytes", "accelerate"), "")
    site = Site(folder, Interpreter(Path(sys.executable), versions), hidden={"CUDA_VISIBLE_DEVICES": ""})
    at = executor(parse(where), jobs, site, Followed(TRAININGS * STEPS), lambda *_: None, lambda: None)
    try:
        for ended in at.train(orders):
            if ended.error is not None:
                raise SystemExit(f"{ended.order.name}: {ended.error.message}")
    finally:
        at.close()


def measured(name: str, folder: Path) -> tuple[float, float]:
    """(wall, CPU) seconds of one place, its children waited for."""
    folder.mkdir()
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, __file__, "--one", name, str(folder)], cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime


def weights(folder: Path) -> list[bytes]:
    """The adapters that were trained, in order."""
    return [(folder / f"t{n}" / "adapter_model.safetensors").read_bytes() for n in range(TRAININGS)]


def main(arguments: list[str]) -> int:
    """Measure and print one line a place."""
    if arguments[:1] == ["--one"]:
        train(arguments[1], Path(arguments[2]))
        return 0
    rounds = next((int(word) for word in arguments if word.isdigit()), 3)
    wanted = list(PLACES) if "all" in arguments else list(PLACES)[:2]
    needs = {name: PLACES[name][2] for name in wanted}
    places = [
        name
        for name, library in needs.items()
        if library is None or importlib.util.find_spec(library) is not None
    ]
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in places}
    with tempfile.TemporaryDirectory() as root:
        for number in range(rounds):
            for name in places:
                folder = Path(root) / f"{number}-{places.index(name)}"
                times[name].append(measured(name, folder))
                if weights(folder) != weights(Path(root) / "0-0"):
                    raise SystemExit(f"{name} trained other bits")
    wall, cpu = (min(item[kind] for item in times[places[0]]) for kind in (0, 1))
    for name in places:
        best, used = (min(item[kind] for item in times[name]) for kind in (0, 1))
        print(f"{name}: {best:.1f} s ({best / wall:.2f}), CPU {used:.1f} s ({used / cpu:.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
