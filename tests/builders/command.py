"""The command line run in this process, with its exit code and both streams."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from auditor.cli import run


@dataclass(frozen=True, slots=True)
class Done:
    """What a command gave back."""

    code: int
    out: str
    err: str


def audit(capsys: pytest.CaptureFixture[str], *arguments: str) -> Done:
    """Run ``audit ARGUMENTS``."""
    capsys.readouterr()
    code = run(arguments)
    out, err = capsys.readouterr()
    return Done(code, out, err)


SEED: Sequence[str] = ("compare", "main", "caost-test-2", "--repo", "fixtures/seed/repo.bundle")
TINY: Sequence[str] = ("compare", "main", "candidate", "--repo", "fixtures/tiny/repo.bundle")
