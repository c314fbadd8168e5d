"""Ten thousand damaged pickles: nothing is executed, nothing hangs, nothing grows, and only CannotRead is raised."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from auditor.artifacts._pickle_opcodes import read
from auditor.artifacts._unnamed import HEAD
from tests.mutation import pickles

ROOT = Path(__file__).parents[2]
COUNT, SEED = 10_000, 42
HARMLESS = {"builtins.id"}
"""Audit events that reading may raise. Anything executed, imported, opened or connected to raises another one."""


def child(count: int, canary: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutation.pickles", str(count), str(SEED), str(canary)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_damaged_pickles_execute_nothing_and_hang_nowhere(tmp_path: Path) -> None:
    """In a process whose address space is bounded and whose audit events are counted (PEP 578)."""
    canary = tmp_path / "executed"
    report = child(COUNT, canary)
    assert report["items"] == COUNT
    assert report["wrong"] == []
    assert set(report["events"]) <= HARMLESS
    assert not canary.exists()
    assert report["slowest"][0] < pickles.SECONDS
    # Nothing came near the bound of memory, and every kind of end was met.
    assert not [reason for reason in report["outcomes"] if "memory" in reason]
    assert {"is a damaged pickle", "ends in the middle of a pickle"} <= set(report["outcomes"])
    assert report["outcomes"]["read"] > COUNT // 10
    assert report["outcomes"]["calls refused"] > COUNT // 10


def test_what_is_executed_would_be_seen(tmp_path: Path) -> None:
    """The same child lets the standard library load an evil file: the canary is there, and so is the event."""
    canary = tmp_path / "executed"
    report = child(0, canary)
    assert canary.exists()
    assert {"os.system", "pickle.find_class"} <= set(report["events"])


def test_the_same_seed_makes_the_same_files() -> None:
    one, other = (list(pickles.files(50, SEED, "true")) for _ in range(2))
    assert one == other
    assert len({data for _, data in one}) > 45


def test_the_beginning_of_a_pickle_is_cut_short_and_not_damaged() -> None:
    """Of a file of no known kind the beginning tells whether it is read on: a call may stand behind it."""
    for data in {seed.pickle for seed in pickles.seeds("true")}:
        for size in range(1, min(len(data), HEAD + 1)):
            begun = read(data[:size])
            assert begun.unsafe or not begun.is_damaged, data[:size]
