"""CPU of the command line against bare ``python -c pass``, alternated in one run; prints ratios of minima.

    python benchmarks/startup.py [rounds]

Reference and reach: --version 1.5x, --help 14x, compare of the pointer-only seed fixture 60x (aim 40x), and at most
four git processes for a comparison.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
AUDIT = str(Path(sys.executable).parent / "audit")
COMPARE = ("compare", "main", "caost-test-2", "--repo", str(ROOT / "fixtures/seed/repo.bundle"))
WORK = {
    "bare": [sys.executable, "-c", "pass"],
    "--version": [AUDIT, "--version"],
    "--help": [AUDIT, "--help"],
    "compare seed": [AUDIT, *COMPARE],
    "compare seed, json": [AUDIT, *COMPARE, "--format", "json"],
}
REACH = {"--version": 1.5, "--help": 14.0, "compare seed": 60.0, "compare seed, json": 60.0}


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


def git_processes() -> int:
    """How many git processes one comparison starts, counted by a wrapper on PATH."""
    real = shutil.which("git") or "git"
    with tempfile.TemporaryDirectory() as folder:
        log, wrapper = Path(folder) / "log", Path(folder) / "git"
        wrapper.write_text(f'#!/bin/sh\necho x >> {log}\nexec {real} "$@"\n')
        wrapper.chmod(0o755)
        path = f"{folder}:{os.environ['PATH']}"
        subprocess.run([AUDIT, *COMPARE], env={**os.environ, "PATH": path}, capture_output=True)
        return len(log.read_text().splitlines())


def main() -> None:
    """Alternate all commands, then print one row each."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    best = dict.fromkeys(WORK, float("inf"))
    for _ in range(rounds + 1):
        for name, command in WORK.items():
            best[name] = min(best[name], cpu_seconds(command))
    print(
        f"{platform.machine()}, Python {platform.python_version()}, minimum of {rounds + 1} alternated runs"
    )
    print(f"{'command':<22} {'CPU ms':>8} {'x bare':>8} {'reach':>8}")
    for name, seconds in best.items():
        ratio = seconds / best["bare"]
        print(f"{name:<22} {seconds * 1000:>8.1f} {ratio:>8.2f} {REACH.get(name, 1.0):>8.1f}")
    print(f"git processes of one comparison: {git_processes()} (at most 4)")


if __name__ == "__main__":
    main()
