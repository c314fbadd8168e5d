"""Honest runs in half precision on a GPU, where fp16's scaler skips steps, are passed without a warning.

Measured on an H200 with transformers 5.17.0, accelerate 1.15.0 and torch 2.11.0: all runs of `runs_of_trainer` on one
GPU, and fifteen of them on two, by DataParallel and by torchrun.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.genuine.judged import audited, complaints

HONEST = Path(__file__).resolve().parent / "honest.py"
NAMES = ("fp16", "fp16-skipping", "fp16-weights", "bf16", "two-rates")

pytestmark = [
    pytest.mark.rerun,
    pytest.mark.gpu,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="there is no NVIDIA GPU here"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All runs, trained by one process."""
    folder = tmp_path_factory.mktemp("honest")
    done = subprocess.run(
        [sys.executable, str(HONEST), str(folder), *NAMES],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": "", "HONEST_GPU": "1"},
    )
    states = {line["run"]: line["state"] for line in map(json.loads, done.stdout.splitlines())}
    assert states == dict.fromkeys(NAMES, "trained"), done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_an_honest_run_raises_no_warning(trained: Path, name: str) -> None:
    pushed = trained / "runs" / name
    assert complaints(audited(pushed, None)) == []
    assert complaints(audited(pushed, trained / "tiny-labs" / "tiny-llama")) == []


def test_the_scaler_ran_and_skipped(trained: Path) -> None:
    """Otherwise the silence about skipped steps would prove nothing."""
    import torch

    last = trained / "runs" / "fp16-skipping" / "checkpoint-32"
    scale = torch.load(last / "scaler.pt", weights_only=True)["scale"]
    assert scale < 65536
