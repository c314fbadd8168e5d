"""What a shell completes, asked as bash asks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import repos

ROOT = Path(__file__).parents[2]


def completed(words: str, folder: Path) -> list[str]:
    asked = {"_AUDIT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", "from auditor.cli.commands import app; app(prog_name='audit')"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("audit comp", ["compare"]),
        ("audit explain accumulation-n", ["accumulation-not-applied"]),
        ("audit check --only accumulation-n", ["accumulation-not-applied"]),
        ("audit check --format g", ["github", "gitlab"]),
        ("audit compare m", []),
    ],
)
def test_commands_rules_and_formats_outside_of_a_repository(
    words: str, found: list[str], tmp_path: Path
) -> None:
    assert completed(words, tmp_path) == found


def test_branches_of_the_repository_around_here(tmp_path: Path) -> None:
    repo = repos.init(tmp_path / "repo")
    for branch in ("main", "candidate"):
        repos.commit(repo, branch, {"README.md": b"x"})
    assert completed("audit compare main ca", repo) == ["candidate"]
    assert completed("audit check ma", repo) == ["main"]
