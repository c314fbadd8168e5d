"""Whole processes measured: CPU and wall seconds, and the last line each prints."""

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Spent(NamedTuple):
    """User and system seconds of a process and its children, wall seconds, and its last line."""

    cpu: float
    wall: float
    said: str


def run(command: Sequence[str]) -> Spent:
    """Run a command to its end. SystemExit when it fails."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.NamedTemporaryFile() as out:
        began = time.perf_counter()
        pid = os.posix_spawnp(
            command[0],
            list(command),
            {**environment, "PYTHONPATH": str(ROOT)},
            file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)],
        )
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - began
        said = Path(out.name).read_text().strip()
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"{command} failed: {said}")
    return Spent(usage.ru_utime + usage.ru_stime, wall, said.splitlines()[-1] if said else "")


def python(code: str, *arguments: str) -> list[str]:
    """A command that runs a piece of Python; -P keeps the current folder out of the way."""
    return [sys.executable, "-P", "-c", code, *arguments]


def alternated(commands: Mapping[str, Sequence[str]], rounds: int) -> Mapping[str, Spent]:
    """The least CPU and wall of each command over ``rounds``, after one that does not count."""
    best: dict[str, Spent] = {}
    for number in range(rounds + 1):
        for name, command in commands.items():
            spent = run(command)
            if number:
                known = best.get(name, spent)
                best[name] = Spent(min(known.cpu, spent.cpu), min(known.wall, spent.wall), spent.said)
    return best
