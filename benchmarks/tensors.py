"""CPU and memory of comparing weight files, against ``cmp``; and of reading the header of a huge one.

    python benchmarks/tensors.py [rounds]

Two safetensors files of 1 GiB, 200 F32 and 200 BF16 tensors of normal numbers; every number of the second is moved by a
relative 5 % (normal), so that no chunk is equal; a third file is a copy of the first. Reference: ``cmp`` of the two
equal files, which reads all of both. Whole processes, user and system seconds, alternated after a round that does not
count, minimum. Reach: all numbers compared 1.8 and below 100 MB resident (VmHWM); equal files without digests 1.2.

The header: ``parse`` and ``facts`` of a sparse file of 10 GB with 400 tensors against ``python -c pass``; reach 25
times its CPU, below 1 MB read (rchar of /proc/self/io, from before the file is opened to the last fact).
"""

import json
import platform
import shutil
import struct
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks._process import alternated, python

TENSORS, GIB = 200, 1 << 30
ELEMENTS = GIB // 6 // TENSORS // 64 * 64
HUGE = 10_000_000_000
REACH = {"numbers": 1.8, "equal": 1.2, "header": 25.0}

COMPARE = """
import sys
from pathlib import Path
from auditor.artifacts.model_weights import ModelWeights
from auditor.sources.directory import snapshot
from auditor.compare.tensors import compare_weights
one, two = (ModelWeights.parse(*snapshot(Path(path)).files.values()) for path in sys.argv[1:3])
found = compare_weights(one, two, int(sys.argv[3]) if sys.argv[3:] else None)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(found.proof, sum(t.differing for t in found.tensors), int(status["VmHWM"].split()[0]) // 1024, "MB")
"""
HEADER = """
import sys
from pathlib import Path
from auditor.artifacts.model_weights import ModelWeights
from auditor.sources.directory import snapshot
def read():
    return int(open("/proc/self/io").readline().split()[1])
before = read()
weights = ModelWeights.parse(*snapshot(Path(sys.argv[1])).files.values())
facts = weights.facts()
print(len(facts), "tensors", read() - before, "bytes read")
"""


def header(data: int, tensors: int) -> tuple[bytes, list[tuple[str, int]]]:
    """The first bytes of a file of F32 and BF16 tensors, and (dtype, elements) of each, some ``data`` bytes in all."""
    elements = data // 6 // tensors // 64 * 64
    entries: dict[str, object] = {}
    end, listed = 0, []
    for number in range(tensors):
        for dtype, size in (("F32", 4), ("BF16", 2)):
            place = [end, end + size * elements]
            entries[f"layer.{number}.{dtype}"] = {"dtype": dtype, "shape": [elements], "data_offsets": place}
            end = place[1]
            listed.append((dtype, elements))
    raw = json.dumps(entries).encode()
    return struct.pack("<Q", len(raw)) + raw, listed


def make(folder: Path) -> None:
    """Write the three files to compare and the sparse one."""
    import numpy

    generator = numpy.random.default_rng(0)
    begin, listed = header(GIB, TENSORS)
    base = generator.standard_normal(ELEMENTS, dtype=numpy.float32)
    with (folder / "one").open("wb") as one, (folder / "two").open("wb") as two:
        one.write(begin)
        two.write(begin)
        for number, (dtype, elements) in enumerate(listed):
            mine = numpy.roll(base, 7919 * number)[:elements] * numpy.float32(0.02)
            theirs = mine + numpy.roll(base, 104729 * number + 31)[:elements] * numpy.float32(0.001)
            for file, array in ((one, mine), (two, theirs)):
                file.write(array if dtype == "F32" else (array.view("<u4") >> 16).astype("<u2"))
    shutil.copy(folder / "one", folder / "copy")
    begin, listed = header(HUGE, TENSORS)
    with (folder / "huge.safetensors").open("wb") as file:
        file.write(begin)
        file.truncate(len(begin) + sum(n * (4 if dtype == "F32" else 2) for dtype, n in listed))
    for name in ("one", "two", "copy"):
        (folder / name).rename(folder / f"{name}.safetensors")


def main() -> None:
    """Alternate all commands, then print one row each."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder)
        one, two, copy = (str(folder / f"{name}.safetensors") for name in ("one", "two", "copy"))
        found = alternated(
            {
                "cmp": ["cmp", one, copy],
                "numbers": python(COMPARE, one, two),
                "numbers, two threads": python(COMPARE, one, two, "2"),
                "equal": python(COMPARE, one, copy),
                "bare python": python("pass"),
                "header": python(HEADER, str(folder / "huge.safetensors")),
            },
            rounds,
        )
    print(f"{platform.machine()}, Python {platform.python_version()}, minimum of {rounds} alternated rounds")
    print(f"{'':<22}{'CPU s':>8}{'wall s':>8}{'x CPU':>8}{'reach':>7}")
    for key, spent in found.items():
        reference = found["bare python" if key in ("header", "bare python") else "cmp"].cpu
        reach = REACH.get(key.partition(",")[0], 1.0)
        print(
            f"{key:<22}{spent.cpu:>8.3f}{spent.wall:>8.3f}{spent.cpu / reference:>8.2f}{reach:>7.1f}  {spent.said}"
        )


if __name__ == "__main__":
    main()
