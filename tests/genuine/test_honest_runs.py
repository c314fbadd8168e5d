"""Honest runs of the installed libraries, pushed as a platform would push them, are passed without a warning."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.genuine.judged import audited, complaints

HERE = Path(__file__).resolve().parent
NAMES = (
    "plain",
    "best-kept",
    "resumed",
    "two-rates",
    "tokens-added",
    "dora",
    "classifier",
    "expert-parameters",
    "seq2seq",
    "never-saved",
    "counted",
    "sft-packed",
    "sft-completions",
    "dpo",
)
NOTES = {
    # What an honest run of these trainers is told, each of them true of it.
    "base-revision-not-pinned",
    "card-template-unfilled",
    "dataset-not-recorded",
    "final-state-missing",
    "library-name-not-peft",
    "loads-in-some-releases-only",
    "pickle-needs-full-trust",
    "several-event-files",
    "tokenizer-needs-newer-transformers",
    "training-state-published",
}

pytestmark = [
    pytest.mark.rerun,
    pytest.mark.skipif(
        importlib.util.find_spec("torch") is None, reason="the [rerun] extra is not installed"
    ),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, str]]]:
    """All runs, trained by one process."""
    folder = tmp_path_factory.mktemp("honest")
    done = subprocess.run(
        [sys.executable, str(HERE / "honest.py"), str(folder), *NAMES],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, {line["run"]: line for line in map(json.loads, done.stdout.splitlines())}


def place(trained: tuple[Path, dict[str, dict[str, str]]], name: str) -> tuple[Path, Path]:
    """The folder a run was pushed into and its base model's."""
    folder, lines = trained
    line = lines[name]
    if line["state"] == "skipped":
        pytest.skip(line["why"])
    assert line["state"] == "trained", line["why"]
    return folder / "runs" / name, folder / "tiny-labs" / line["base"]


@pytest.mark.parametrize("known", [False, True], ids=["alone", "with-base"])
@pytest.mark.parametrize("name", NAMES)
def test_an_honest_run_raises_no_warning(
    trained: tuple[Path, dict[str, dict[str, str]]], name: str, known: bool
) -> None:
    pushed, base = place(trained, name)
    report = audited(pushed, base if known else None)
    assert complaints(report) == []
    assert {one.rule for one in report.findings} <= NOTES
    assert report.verdict == "pass"


def test_what_was_looked_at_is_not_nothing(trained: tuple[Path, dict[str, dict[str, str]]]) -> None:
    """The same run with one number changed fails, so that the silence above is not blindness."""
    pushed, base = place(trained, "plain")
    forged = pushed.parent / "forged"
    shutil.copytree(pushed, forged)
    path = forged / "adapter_config.json"
    config = json.loads(path.read_text())
    assert config["r"] == 4
    path.write_text(json.dumps(config | {"r": 2}))
    assert any("lora-rank-mismatch" in line for line in complaints(audited(forged, base)))
