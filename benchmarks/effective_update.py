"""CPU of comparing two LoRA adapters by their effective updates against forming the products; prints the ratio.

    python benchmarks/effective_update.py [rounds]

Two adapters of the gemma-3-4b shape, r 16, in float32: 34 layers of 7 modules and lm_head (262,208 x 2,560);
the second is the first with every number changed by a relative 1e-6 (normal); a third is the first in another basis,
which has to be measured by QR decompositions. Subject: `auditor.compare` on the two
files. Reference: both products of each module in float32, 4,096 rows at a time, with their norms and the norm of
their difference; timed on 14 modules (two layers) and on lm_head, and counted as 17 times the 14 and once lm_head,
plus the start of Python and NumPy. Whole processes, user and system seconds, one BLAS thread, alternated, minimum.
Reach: 1/20, and distances within 1e-9 of dense float64 (one layer and lm_head).
"""

import json
import os
import platform
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SHAPES = {
    "self_attn.q_proj": (2048, 2560),
    "self_attn.k_proj": (1024, 2560),
    "self_attn.v_proj": (1024, 2560),
    "self_attn.o_proj": (2560, 2048),
    "mlp.gate_proj": (10240, 2560),
    "mlp.up_proj": (10240, 2560),
    "mlp.down_proj": (2560, 10240),
}
"""(out, in) of one layer's modules: google/gemma-3-4b-it, config.json (hidden 2560, 8 heads of 256, 4 key heads)."""
LAYERS, RANK, SCALING, CHANGE, ROWS, REACH = 34, 16, 2.0, 1e-6, 4096, 20.0
HEAD = "lm_head"
CONFIG = {"peft_type": "LORA", "r": RANK, "lora_alpha": SCALING * RANK, "target_modules": "all-linear"}


def modules() -> dict[str, tuple[int, int]]:
    """Every module with the (out, in) of its update."""
    named = {f"model.layers.{i}.{name}": shape for i in range(LAYERS) for name, shape in SHAPES.items()}
    return {**named, HEAD: (262208, 2560)}


def make(base: Path, head: Path) -> None:
    """Write both adapters."""
    import numpy

    generator = numpy.random.default_rng(0)
    tensors = {
        f"base_model.model.{name}.lora_{word}.weight": shape
        for name, (out, into) in modules().items()
        for word, shape in (("A", (RANK, into)), ("B", (out, RANK)))
    }
    header, end = {}, 0
    for name, shape in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (end, end + 4 * shape[0] * shape[1])}
        end = header[name]["data_offsets"][1]
    raw = json.dumps(header).encode()
    folders = (base, head, base.parent / "turned")
    for folder in folders:
        folder.mkdir()
        (folder / "adapter_config.json").write_text(json.dumps(CONFIG))
    streams = [(folder / "adapter_model.safetensors").open("wb") for folder in folders]
    for stream in streams:
        stream.write(struct.pack("<Q", len(raw)) + raw)
    matrix = generator.standard_normal((RANK, RANK)) + 4 * numpy.eye(RANK)
    for name, shape in tensors.items():
        values = (0.02 * generator.standard_normal(shape)).astype("<f4")
        turned = numpy.linalg.solve(matrix, values) if ".lora_A." in name else values @ matrix
        changed = values * (1 + CHANGE * generator.standard_normal(shape))
        for stream, array in zip(streams, (values, changed, turned), strict=True):
            stream.write(array.astype("<f4").tobytes())
    for stream in streams:
        stream.close()


def compared(base: Path, head: Path) -> Any:
    """The subject: the package's own comparison of the two files."""
    from auditor.artifacts.adapter_config import AdapterConfig
    from auditor.artifacts.adapter_weights import AdapterWeights
    from auditor.compare.adapters import compare
    from auditor.sources import directory

    files = [directory.snapshot(folder).files for folder in (base, head)]
    read = [
        (
            AdapterWeights.parse(side["adapter_model.safetensors"]),
            AdapterConfig.parse(side["adapter_config.json"]),
        )
        for side in files
    ]
    return compare(*read[0], *read[1])


def dense(base: Path, head: Path, names: list[str], dtype: str) -> dict[str, float]:
    """The reference: relative distances of some modules by their products, block by block."""
    import numpy

    found = {}
    for name in names:
        (a, b), (a2, b2) = (_factors(folder, name, dtype) for folder in (base, head))
        sums = [0.0, 0.0, 0.0]
        for start in range(0, len(b), ROWS):
            one, two = (SCALING * (y[start : start + ROWS] @ x) for x, y in ((a, b), (a2, b2)))
            for position, block in enumerate((one, two, one - two)):
                sums[position] += float(numpy.vdot(block, block))
        found[name] = (sums[2] / max(sums[:2])) ** 0.5
    return found


def _factors(folder: Path, module: str, dtype: str) -> list[Any]:
    import numpy

    with (folder / "adapter_model.safetensors").open("rb") as stream:
        size = struct.unpack("<Q", stream.read(8))[0]
        header = json.loads(stream.read(size))
        found = []
        for word in "AB":
            entry = header[f"base_model.model.{module}.lora_{word}.weight"]
            begin, end = entry["data_offsets"]
            stream.seek(8 + size + begin)
            array = numpy.frombuffer(stream.read(end - begin), "<f4").reshape(entry["shape"])
            found.append(array.astype(dtype, copy=False))
    return found


def child(work: str, base: Path, head: Path) -> None:
    """One process' work; the subject prints its distances and the most memory it held, in MB."""
    some = list(modules())[: 2 * len(SHAPES)]
    if work == "make":
        make(base, head)
    elif work == "subject":
        found = compared(base, head)
        assert found.relation == "different"
        status = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
        print(json.dumps([{m.module: m.relative_distance for m in found.modules}, int(status) / 1024]))
    elif work == "basis":
        assert compared(base, base.parent / "turned").relation == "equivalent"
    elif work == "exact":
        print(json.dumps(dense(base, head, [*some[: len(SHAPES)], HEAD], "f8")))
    else:
        dense(base, head, {"start": [], "layers": some, "lm_head": [HEAD]}[work], "f4")


def run(work: str, folder: str) -> tuple[float, str]:
    """User and system seconds of one child, and what it printed."""
    output = Path(folder) / "out"
    command = [sys.executable, __file__, "--child", work, folder]
    pid = os.posix_spawn(
        command[0],
        command,
        {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)],
    )
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{work} failed")
    return usage.ru_utime + usage.ru_stime, output.read_text()


def main() -> None:
    """Alternate subject and reference, then print the ratio, the error and the memory."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    best = dict.fromkeys(("start", "layers", "lm_head", "basis", "subject"), float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        run("make", folder)
        for number in range(rounds + 1):
            for work in best:
                seconds, text = run(work, folder)
                if number:
                    best[work] = min(best[work], seconds)
        exact = json.loads(run("exact", folder)[1])
    distances, memory = json.loads(text)
    reference = best["start"] + 17 * (best["layers"] - best["start"]) + best["lm_head"] - best["start"]
    error = max(abs(distances[name] / value - 1) for name, value in exact.items())
    print(f"{platform.machine()}, Python {platform.python_version()}, minimum of {rounds} alternated runs")
    print(
        f"dense float32: 14 modules {best['layers']:.2f} s, lm_head {best['lm_head']:.2f} s, all {reference:.2f} s"
    )
    print(f"effective update of {len(distances)} modules: {best['subject']:.2f} s, at most {memory:.0f} MB")
    print(f"ratio 1/{reference / best['subject']:.1f} (reach 1/{REACH:.0f})")
    print(f"another basis: {best['basis']:.2f} s, ratio 1/{reference / best['basis']:.1f}")
    print(f"largest error of a distance at a relative change of {CHANGE:g}: {error:.1e} (reach 1e-9)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]) / "base", Path(sys.argv[3]) / "head")
    else:
        main()
