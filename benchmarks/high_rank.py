"""Bytes read and memory of ``audit inspect`` where factors have a high rank, or checkpoints are many.

    python benchmarks/high_rank.py [case ...]

Each case is a run whose factors move from checkpoint to checkpoint, and the last checkpoint's copy at the root, in
float32; up to 3.3 GB on the disk at a time. The whole command, as text and as JSON: bytes read (rchar of /proc/self/io,
imports left out) over the sum of the weight files' sizes, reach 1.02; what is read from the tool's own temporary files
(deleted, as /proc/self/fd says) stands apart. Most resident (VmHWM); reach 100 MB.
"""

import sys
import tempfile
from pathlib import Path

import numpy

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks._process import python, run  # noqa: E402
from tests.builders import adapter_folders as made  # noqa: E402
from tests.builders.safetensors import make_arrays  # noqa: E402

UP, DOWN = {"mlp.up_proj": (16_384, 8192)}, {"mlp.down_proj": (8192, 16_384)}
CASES = {
    "rank 512 in 3": (512, 3, [{**UP, **DOWN}]),
    "rank 1,024 in 3": (1024, 3, [{**UP, **DOWN}]),
    "rank 1,024, small": (1024, 3, [{"mlp.up_proj": (2048, 2048)}] * 4),
    "rank 128 in 40": (128, 40, [{"mlp.up_proj": (512, 42_000)}]),
    "rank 256 in 12": (256, 12, [{"mlp.up_proj": (512, 21_000)}]),
    "rank 512 in 4": (512, 4, [{"mlp.up_proj": (1024, 10_500)}]),
    "rank 16 in 150": (16, 150, [{"mlp.up_proj": (512, 340_000)}]),
    "rank 64 in 100": (64, 100, [{f"mlp.part_{number}": (64, 64) for number in range(7)}] * 34),
}
"""Rank, checkpoints, and for each layer the (out, in) of its modules."""

READ = """
import os, runpy, sys
from auditor.artifacts._number_formats import numpy_module
numpy_module()
import auditor.cli, auditor.engine.inspect, auditor.compare.adapters, auditor.compare.spectrum, numpy.linalg
import auditor.report.inspect.terminal, auditor.report.inspect.json, auditor.sources.directory
def rchar():
    return int(open("/proc/self/io").readline().split()[1])
real, scratch = os.preadv, 0
def counted(descriptor, buffers, offset):
    global scratch
    got = real(descriptor, buffers, offset)
    if os.readlink(f"/proc/self/fd/{descriptor}").endswith("(deleted)"):
        scratch += got
    return got
os.preadv = counted
said = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
before = rchar()
sys.argv = ["audit", "inspect", *sys.argv[1:]]
try:
    runpy.run_module("auditor", run_name="__main__")
except SystemExit as ended:
    assert ended.code in (0, None)
read = rchar() - before - scratch
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
os.write(said, f"{read} {scratch} {int(status['VmHWM'].split()[0]) // 1024}".encode())
"""


def write(folder: Path, case: str) -> int:
    """The run of a case; returns the size of its weights in bytes."""
    rank, count, layers = CASES[case]
    generator = numpy.random.default_rng(0)
    shapes = {
        f"model.layers.{n}.{kind}": shape for n, own in enumerate(layers) for kind, shape in own.items()
    }
    arrays = {}
    for name, (out, inside) in shapes.items():
        for word, shape in (("A", (rank, inside)), ("B", (out, rank))):
            drawn = generator.standard_normal(shape, dtype=numpy.float32) / 50
            arrays[f"base_model.model.{name}.lora_{word}.weight"] = drawn
    size = 0
    for step in range(1, count + 1):
        for array in arrays.values():
            array += numpy.roll(array, 7 * step + 1) / 1000
        data = make_arrays(arrays)
        for name in (f"checkpoint-{step}", "") if step == count else (f"checkpoint-{step}",):
            (folder / name).mkdir(exist_ok=True)
            (folder / name / "adapter_config.json").write_bytes(made.config(r=rank, lora_alpha=2 * rank))
            (folder / name / "adapter_model.safetensors").write_bytes(data)
            size += len(data)
    return size


def main() -> None:
    """Print a row for each case."""
    print(
        f"{'case':<18} {'MB':>6} {'x size':>7} {'reach':>6} {'scratch':>8} {'MB text':>8} {'JSON':>5} {'CPU s':>6}"
    )
    for case in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as name:
            size = write(Path(name), case)
            text, as_json = (run(python(READ, name, *more)) for more in ((), ("--format", "json")))
        read, scratch, resident = map(int, text.said.split())
        row = f"{case:<18} {size / 1e6:>6.0f} {read / size:>7.3f} {1.02:>6.2f} {scratch / size:>8.2f}"
        print(f"{row} {resident:>8} {as_json.said.split()[2]:>5} {text.cpu:>6.1f}", flush=True)


if __name__ == "__main__":
    main()
