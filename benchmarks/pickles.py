"""CPU, memory and bytes read for walking the pickle of a large optimizer.pt, against picklescan; prints ratios.

    python benchmarks/pickles.py PICKLESCAN_PYTHON [rounds]

PICKLESCAN_PYTHON is the interpreter of an environment with picklescan 1.0.5, which is no dependency of this project
(`python -m venv DIR && DIR/bin/pip install picklescan==1.0.5`). torch writes the file here: AdamW after one step on the
478 factors of 239 modules, 239 MB, of which the pickle has some 100 kB. "auditor" reads the structure, resolves every
name and tensor, and reads the step counts; picklescan lists the globals. Both are whole processes, bytecode cached,
without a check for updates or logging. Reference: picklescan = 1.0; reach 0.4, held by the whole process, nothing taken
off (net of a bare interpreter the ratio is lower and shown beside it), 20 MB resident (VmHWM), 1 MB read (rchar beyond
that of a process which imports the same and reads nothing).
"""

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES, RANK, INPUT, OUTPUT = 239, 16, 2560, 5216
IMPORTS = """
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.model import Blob
"""
WALK = """
state = OptimizerState.parse(Blob({path!r}, None, lambda: open({path!r}, "rb")))
assert len(state.entries) == {tensors} and state.steps == {{1.0}} and state.kind == "adamw"
"""
SCAN = """
from picklescan.scanner import scan_file_path
found = scan_file_path({path!r})
assert found.scanned_files == 1 and found.globals and not found.scan_err
"""
ACCOUNT = """
import re
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1],
      re.search(r"rchar: (\\d+)", open("/proc/self/io").read())[1])
"""


def write(path: Path) -> None:
    """What the Trainer saves of an AdamW that was stepped once."""
    import torch

    factors = [(RANK, INPUT), (OUTPUT, RANK)] * MODULES
    parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in factors]
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer = torch.optim.AdamW(parameters, lr=2e-4)
    optimizer.step()
    torch.save(optimizer.state_dict(), path)


def environment(python: str) -> dict[str, str]:
    """This process's, with bytecode cached, and this project for its own interpreter alone."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    kept.pop("PYTHONPATH", None)
    return {**kept, "PYTHONPATH": str(ROOT)} if python == sys.executable else kept


def cpu_seconds(python: str, code: str) -> float:
    """User and system seconds of ``python -c``."""
    pid = os.posix_spawn(python, [python, "-c", code], environment(python))
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit("the pickle was not read as it was written")
    return usage.ru_utime + usage.ru_stime


def account(python: str, code: str) -> tuple[float, float]:
    """Most resident memory and bytes read so far, in MB, at the end of ``python -c``."""
    done = subprocess.run(
        [python, "-c", code + ACCOUNT], env=environment(python), capture_output=True, text=True, check=True
    )
    memory, read = done.stdout.split()[-2:]
    return int(memory) * 1024 / 1e6, int(read) / 1e6


def main() -> None:
    """Write the file, alternate both, print the minima and the two accounts."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    scanner, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimizer.pt"
        subprocess.run(
            [sys.executable, "-c", f"import benchmarks.pickles as b; b.write(b.Path({str(path)!r}))"],
            cwd=ROOT,
            check=True,
        )
        values = {"path": str(path), "tensors": 2 * MODULES}
        programs = {
            "bare": (sys.executable, "pass"),
            "auditor": (sys.executable, IMPORTS + WALK.format(**values)),
            "picklescan": (scanner, SCAN.format(**values)),
        }
        best = dict.fromkeys(programs, float("inf"))
        for _ in range(rounds + 1):
            for name, (python, code) in programs.items():
                best[name] = min(best[name], cpu_seconds(python, code))
        ours = [account(sys.executable, code) for code in (IMPORTS, programs["auditor"][1])]
        theirs = account(*programs["picklescan"])
        size = path.stat().st_size
    print(f"{platform.machine()}, Python {platform.python_version()}, {size:,} bytes, {rounds + 1} rounds")
    print(*(f"{name} {spent * 1000:.1f} ms CPU" for name, spent in best.items()), sep=", ")
    print(f"auditor / picklescan: {best['auditor'] / best['picklescan']:.2f} whole (reach 0.4), ", end="")
    print(f"{(best['auditor'] - best['bare']) / (best['picklescan'] - best['bare']):.2f} net of bare Python")
    print(f"resident: auditor {ours[1][0]:.1f} MB (reach 20), picklescan {theirs[0]:.1f} MB")
    print(f"read beyond the imports: auditor {ours[1][1] - ours[0][1]:.2f} MB (reach 1)")


if __name__ == "__main__":
    main()
