"""CPU of the real case's comparison now against an earlier commit, alternated in one run; prints the ratio of minima.

    python benchmarks/against.py COMMIT [rounds]

COMMIT is read with ``git archive`` into a temporary folder; both run in the same interpreter and environment, with
bytecode cached by a first run that does not count. Reference: the comparison of the pointer-only seed fixture at
ad90042, the last commit before the complete catalogue, = 1.0; reach 1.5.
"""

import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUNDLE = str(ROOT / "fixtures" / "seed" / "repo.bundle")
# -P: the current folder must not come before the package that is to be measured.
COMPARE = ["-P", "-m", "auditor", "compare", "main", "caost-test-2", "--repo", BUNDLE]
REACH = 1.5


def cpu_seconds(source: Path) -> float:
    """User and system seconds of the comparison by the package in a folder, git's included."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, *COMPARE],
        {**environment, "PYTHONPATH": str(source)},
        file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)],
    )
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 1:
        raise SystemExit(f"the comparison in {source} did not end with exit 1, so it was not the same work")
    return usage.ru_utime + usage.ru_stime


def unpack(commit: str, folder: Path) -> Path:
    """The package as it was at a commit."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit, "auditor", "schemas"], check=True, capture_output=True
    ).stdout
    file = folder / "old.tar"
    file.write_bytes(archive)
    with tarfile.open(file) as opened:
        opened.extractall(folder / "old", filter="data")
    return folder / "old"


def main() -> None:
    """Alternate both and print the minima with their ratio."""
    commit = sys.argv[1] if len(sys.argv) > 1 else "ad90042"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 11
    with tempfile.TemporaryDirectory() as name:
        sides = {"before": unpack(commit, Path(name)), "now": ROOT}
        best: dict[str, float] = {}
        for number in range(rounds + 1):
            for side, source in sides.items() if number % 2 else reversed(sides.items()):
                spent = cpu_seconds(source)
                if number:
                    best[side] = min(spent, best.get(side, spent))
    ratio = best["now"] / best["before"]
    print(
        f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, {rounds} rounds"
    )
    print(
        f"before ({commit}) {best['before']:.3f} s, now {best['now']:.3f} s CPU: {ratio:.2f} (reach {REACH})"
    )


if __name__ == "__main__":
    main()
