"""CPU of ``audit inspect`` on a repository with a 5 MB adapter, against bare ``python -c pass``, alternated in one run.

    python benchmarks/inspection.py [rounds] [peft-doctor]

Reference and reach: 60x with numbers, 20x without. With the path of a peft-doctor installed
elsewhere its checkpoint-check, which reads names and sizes only, is measured on the same folder.

Then bytes: a run with three checkpoints of 64 MB and its own copy, and two of its adapters side by side tensor by
tensor; the same of a run whose adapters hold a saved embedding of 32 MB and factors of rank 128 over 65,536 tokens
(34 MB); and a run with 100 checkpoints of 238 modules, as text and as JSON. On the first one also a seed that did not
draw it, and `audit check` and `audit compare`, whose rules ask for themselves and which hash every file. Bytes read
(rchar of /proc/self/io, from before the folder is opened to the result, imports included) over the sum of the sizes;
reach 1.02. Most resident (VmHWM); reach 100 MB.
"""

import os
import platform
import sys
import tempfile
from pathlib import Path

import numpy

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks._process import python, run  # noqa: E402
from tests.builders import adapter_folders as made  # noqa: E402
from tests.builders.pickles import make_training_args  # noqa: E402
from tests.builders.safetensors import make_arrays  # noqa: E402

LAYERS, RANK, WIDTH, INNER = 18, 16, 512, 1408
SHAPES = {
    "self_attn.q_proj": (WIDTH, WIDTH),
    "self_attn.v_proj": (WIDTH, WIDTH),
    "mlp.down_proj": (WIDTH, INNER),
}
STEPS = 450
REACH = {"with numbers": 60.0, "--no-numbers": 20.0}


def write(folder: Path) -> int:
    """An adapter with its run's log and arguments; returns the size of the weights in bytes."""
    generator = numpy.random.default_rng(0)
    factors = {
        f"model.layers.{layer}.{kind}": (
            generator.normal(0, 0.02, (RANK, inside)).astype(numpy.float32),
            generator.normal(0, 0.01, (out, RANK)).astype(numpy.float32),
        )
        for layer in range(LAYERS)
        for kind, (out, inside) in SHAPES.items()
    }
    files = made.folder(factors, r=RANK, lora_alpha=2 * RANK)
    files["trainer_state.json"] = made.state(STEPS, STEPS)
    files["training_args.bin"] = make_training_args(
        {"learning_rate": 2e-4, "seed": 42, "optim": "adamw_torch"}
    )
    files["README.md"] = b"---\nbase_model: somebody/some-base\nlibrary_name: peft\n---\n# An adapter\n"
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return len(files["adapter_model.safetensors"])


READ = """
import sys
from auditor.artifacts._number_formats import numpy_module
numpy_module()
from pathlib import Path
from auditor.sources.directory import snapshot
from auditor.engine.inspect import InspectOptions, inspect, side_by_side
import auditor.compare.adapters, auditor.compare.spectrum, auditor.compare.tensors, numpy.linalg
def read():
    return int(open("/proc/self/io").readline().split()[1])
before = read()
sides = [snapshot(Path(path)) for path in sys.argv[1:] if path not in ("json", "seed", "audit")]
if "audit" in sys.argv:
    from auditor.engine.audit import Options, check, compare
    check(sides[0], Options()) if len(sides) == 1 else compare(*sides, True, Options())
elif "seed" in sys.argv:
    inspect(sides[0], InspectOptions(seed=7))
else:
    found = inspect(sides[0]) if len(sides) == 1 else side_by_side(*sides, tensors=True)
if "json" in sys.argv:
    from auditor.report.inspect.json import pieces
    sum(map(len, pieces(found)))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(read() - before, int(status["VmHWM"].split()[0]) // 1024)
"""
EMBEDDING = "model.embed_tokens.lora_embedding"
WIDE = 8192
"""Inputs and outputs of the modules of the run: 64 of them with rank 16 have 64 MB."""


def write_run(folder: Path) -> None:
    """Three checkpoints whose factors move, and the last one's copy."""
    generator = numpy.random.default_rng(1)
    factors = {
        f"model.layers.{layer}.mlp.up_proj": tuple(
            generator.standard_normal(shape, dtype=numpy.float32) / 50
            for shape in ((RANK, WIDE), (WIDE, RANK))
        )
        for layer in range(64)
    }
    for step in (1, 2, 3):
        factors = {name: (a, b + numpy.roll(b, step) / 10) for name, (a, b) in factors.items()}
        for name in (f"checkpoint-{step}", "") if step == 3 else (f"checkpoint-{step}",):
            for path, data in made.folder(factors, name, r=RANK, lora_alpha=2 * RANK).items():
                (folder / path).parent.mkdir(exist_ok=True)
                (folder / path).write_bytes(data)


def write_embeddings(folder: Path) -> None:
    """The same with a saved embedding and factors of one: tensors above 20 MB."""
    generator = numpy.random.default_rng(2)
    shapes = {"lm_head.weight": (32_768, 256), f"{EMBEDDING}_A": (128, 65_536), f"{EMBEDDING}_B": (1024, 128)}
    arrays = {
        name: generator.standard_normal(shape, dtype=numpy.float32) / 50 for name, shape in shapes.items()
    }
    for step in (1, 2, 3):
        arrays = {name: array + numpy.roll(array, step) / 1000 for name, array in arrays.items()}
        data = make_arrays({f"base_model.model.{name}": array for name, array in arrays.items()})
        for name in (f"checkpoint-{step}", "") if step == 3 else (f"checkpoint-{step}",):
            (folder / name).mkdir(exist_ok=True)
            (folder / name / "adapter_config.json").write_bytes(made.config(r=128, lora_alpha=256))
            (folder / name / "adapter_model.safetensors").write_bytes(data)


def write_hundred(folder: Path) -> None:
    """A hundred checkpoints of 34 layers with 7 modules each, half a megabyte."""
    names = made.modules(34, [f"mlp.part_{number}" for number in range(7)])
    for step in range(1, 101):
        for path, data in made.folder(
            made.factors(step, names, shape=(64, 64)), f"checkpoint-{step}"
        ).items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(data)


def bytes_read() -> None:
    """Print a row for each run, and for each pair."""
    print(f"{'bytes':<24} {'MB':>8} {'x size':>8} {'reach':>8} {'VmHWM MB':>9}")
    for words, written in {"": write_run, ", embeddings": write_embeddings}.items():
        with tempfile.TemporaryDirectory() as name:
            written(Path(name))
            measured(f"a run{words}", [name])
            measured(f"two adapters{words}", [f"{name}/checkpoint-1", f"{name}/checkpoint-2"])
            if not words:
                measured("a run, another seed", [name, "seed"])
                measured("check", [name, "audit"], None)
                measured("compare", [f"{name}/checkpoint-1", f"{name}/checkpoint-2", "audit"], None)
    with tempfile.TemporaryDirectory() as name:
        write_hundred(Path(name))
        measured("100 checkpoints", [name])
        measured("100 checkpoints, JSON", [name, "json"])


def measured(key: str, places: list[str], reach: float | None = 1.02) -> None:
    """Print one row."""
    files = [path for place in places for path in Path(place).rglob("*.safetensors")]
    size = sum(path.stat().st_size for path in files)
    read, resident = map(int, run(python(READ, *places)).said.split())
    print(f"{key:<24} {size / 1e6:>8.1f} {read / size:>8.3f} {reach or '-':>8} {resident:>9}")


def cpu_seconds(command: list[str]) -> float:
    """User and system seconds of a command and its children, from the kernel's account."""
    pid = os.posix_spawn(
        command[0],
        command,
        {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
        file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)],
    )
    _, _, usage = os.wait4(pid, 0)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Alternate all commands, then print one row each."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = write(folder)
        audit = [sys.executable, "-m", "auditor", "inspect", name]
        work = {
            "bare": [sys.executable, "-c", "pass"],
            "numpy": [sys.executable, "-c", "import numpy"],
            "--no-numbers": [*audit, "--no-numbers"],
            "with numbers": audit,
        }
        if len(sys.argv) > 2:
            work["peft-doctor"] = [sys.argv[2], "checkpoint-check", name]
        best = dict.fromkeys(work, float("inf"))
        for _ in range(rounds + 1):
            for key, command in work.items():
                best[key] = min(best[key], cpu_seconds(command))
    print(f"{platform.machine()}, Python {platform.python_version()}, adapter of {size / 1e6:.1f} MB")
    print(f"minimum of {rounds + 1} alternated runs, whole process")
    print(f"{'command':<16} {'CPU ms':>8} {'x bare':>8} {'reach':>8}")
    for key, seconds in best.items():
        reach = f"{REACH[key]:.0f}" if key in REACH else "-"
        print(f"{key:<16} {seconds * 1000:>8.1f} {seconds / best['bare']:>8.2f} {reach:>8}")
    bytes_read()


if __name__ == "__main__":
    main()
