"""The committed sample reports are what the tool writes today, byte for byte; ``make reports`` rewrites them."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("case", ["seed", "tiny"])
def test_samples_are_current(case: str, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("reports_build", ROOT / "reports" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    done = subprocess.run(build.command(case, tmp_path), cwd=ROOT, capture_output=True)
    assert done.returncode == build.CASES[case][2]
    for suffix in build.SUFFIX.values():
        written = (tmp_path / f"{case}.{suffix}").read_text()
        assert written == (ROOT / "reports" / f"{case}.{suffix}").read_text(), (
            f"run make reports ({case}.{suffix})"
        )
