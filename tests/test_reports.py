"""The committed sample reports are what the tool writes today, byte for byte; ``make reports`` rewrites them."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def built() -> ModuleType:
    """reports/build.py, which lies in no package."""
    spec = importlib.util.spec_from_file_location("reports_build", ROOT / "reports" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    return build


@pytest.mark.parametrize("case", ["seed", "tiny"])
def test_samples_are_current(case: str, tmp_path: Path) -> None:
    build = built()
    done = subprocess.run(build.command(case, tmp_path), cwd=ROOT, capture_output=True)
    assert done.returncode == build.CASES[case][2]
    for suffix in build.SUFFIX.values():
        written = (tmp_path / f"{case}.{suffix}").read_text()
        assert written == (ROOT / "reports" / f"{case}.{suffix}").read_text(), (
            f"run make reports ({case}.{suffix})"
        )


def test_the_sample_of_an_inspection_is_current(tmp_path: Path) -> None:
    subprocess.run(built().inspection(tmp_path), cwd=ROOT, capture_output=True, check=True)
    written = (tmp_path / "tiny-inspect.html").read_text()
    assert written == (ROOT / "reports" / "tiny-inspect.html").read_text(), "run make reports"


def test_the_recorded_rerun_is_rendered_as_today(tmp_path: Path) -> None:
    subprocess.run(built().rendering(tmp_path), cwd=ROOT, capture_output=True, check=True)
    for name in ("forged.html", "forged.txt"):
        assert (tmp_path / name).read_text() == (ROOT / "reports" / name).read_text(), "run make reports"


def test_the_recorded_rerun_names_no_machine_and_accuses_the_forged_run() -> None:
    text = (ROOT / "reports" / "forged.json").read_text()
    record = json.loads(text)
    assert record["rerun"]["verdict"] == "diverged"
    assert record["rerun"]["nearest_hypothesis"] == "identical with lora_dropout = 0.0"
    assert not re.search(r"/(tmp|home|root|work|Users)/", text)
