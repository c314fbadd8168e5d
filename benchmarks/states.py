"""CPU of telling training states in numbers; prints ratios of minima, and resident memory.

    python benchmarks/states.py [rounds]

Whole processes, import included, alternated. An optimizer.pt of 239 MB (AdamW on 730 matrices of 16 x 2560): read as
a structure, and with the norm of every moment; reference torch.load and the same norms = 1.0. The position of a
generator 62 million numbers behind its seed; reference NumPy drawing those numbers = 1.0. The curves of an event file
of 100,000 scalars as CSV; reference EventAccumulator and pandas = 1.0.
"""

import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks._process import Spent, alternated, python

SAID = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, 'MB')"
WRITE = """
import sys, torch
weights = [torch.nn.Parameter(torch.ones(16, 2560)) for _ in range(730)]
optimizer = torch.optim.AdamW(weights)
for weight in weights:
    weight.grad = torch.rand_like(weight)
optimizer.step()
torch.save(optimizer.state_dict(), sys.argv[1])
"""
READ = """
import sys
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.compare.states import describe_optimizer
from auditor.model import Blob
path, norms = sys.argv[1], sys.argv[2] == "norms"
state = OptimizerState.parse(Blob(path, None, lambda: open(path, "rb")))
found = describe_optimizer(state, norms=norms)
assert len(found.parameters) == 730 and all(one.norms or not norms for one in found.parameters)
"""
TORCH = """
import sys, torch
state = torch.load(sys.argv[1], weights_only=True)["state"]
norms = [value.double().norm().item() for entry in state.values() for key, value in entry.items() if key != "step"]
assert len(norms) == 1460
"""
NUMBERS = 62_400_000
DRAW = """
import numpy
generator = numpy.random.MT19937()
generator._legacy_seeding(42)
generator.random_raw(%d, output=False)
"""
STATE = """
import sys, numpy
generator = numpy.random.RandomState(42)
for _ in range(100):
    generator.bytes(4 * %d // 100)
inner = generator.get_state(legacy=False)["state"]
numpy.save(sys.argv[1], numpy.append(inner["key"], inner["pos"]))
"""
FIND = """
import sys, numpy
from auditor.compare import mersenne
*words, position = numpy.load(sys.argv[1]).tolist()
(refills,) = mersenne.positions(mersenne.seeded(42), [tuple(words)], 200_000)
assert (refills - 1) * 624 + position == %d
"""
EVENTS = """
import sys
from pathlib import Path
from benchmarks.events import write
write(Path(sys.argv[1]), 25_000, 0, 0)
"""
TABLE = """
import sys
from pathlib import Path
from auditor.compare.curve_table import rows_of, to_csv
from auditor.runs import group, read
from auditor.sources.directory import memory_snapshot
path = Path(sys.argv[1])
files = {"adapter_config.json": b'{"peft_type": "LORA"}', f"runs/{path.name}": path.read_bytes()}
(run,) = group(read(memory_snapshot("benchmark", files)))
with open(sys.argv[2], "w", newline="") as stream:
    assert to_csv(rows_of(run), stream) == 100_000
"""
LIBRARY = """
import sys, pandas
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
log = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0}, purge_orphaned_data=False)
log.Reload()
rows = [(tag, e.step, e.wall_time, e.value) for tag in log.Tags()["scalars"] for e in log.Scalars(tag)]
pandas.DataFrame(rows, columns=["tag", "step", "wall_time", "value"]).to_csv(sys.argv[2], index=False)
assert len(rows) == 100_000
"""


def made(folder: Path) -> tuple[str, str, str]:
    """The files, each written by a process of its own: the memory of ours is that of what it starts."""
    optimizer, generator = str(folder / "optimizer.pt"), str(folder / "state.npy")
    events = str(folder / "events.out.tfevents.1700000000.host.4711.0")
    for code, path in ((WRITE, optimizer), (STATE % NUMBERS, generator), (EVENTS, events)):
        subprocess.run(
            [sys.executable, "-c", code, path], check=True, cwd=Path(__file__).parents[1], capture_output=True
        )
    return optimizer, generator, events


def main() -> None:
    """Print one row a command."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        optimizer, generator, events = made(Path(name))
        csv = str(Path(name) / "curves.csv")
        groups = {
            "optimizer.pt of 239 MB": {
                "torch.load and norms": python(TORCH + SAID, optimizer),
                "structure": python(READ + SAID, optimizer, "structure"),
                "every norm": python(READ + SAID, optimizer, "norms"),
            },
            "62 million numbers": {
                "NumPy draws them": python(DRAW % NUMBERS + SAID),
                "position found": python(FIND % NUMBERS + SAID, generator),
            },
            "100,000 scalars as CSV": {
                "EventAccumulator, pandas": python(LIBRARY + SAID, events, csv),
                "curve table": python(TABLE + SAID, events, csv),
            },
        }
        print(
            f"{platform.machine()}, Python {platform.python_version()}, minimum of {rounds} alternated runs"
        )
        for title, commands in groups.items():
            show(title, alternated(commands, rounds))


def show(title: str, best: dict[str, Spent]) -> None:
    """The first command is the reference."""
    reference = next(iter(best.values())).cpu
    print(title)
    for name, spent in best.items():
        print(
            f"  {name:<26} {spent.cpu * 1000:>8.0f} ms CPU {spent.cpu / reference:>7.3f} {spent.said:>9} resident"
        )


if __name__ == "__main__":
    main()
