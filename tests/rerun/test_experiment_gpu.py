"""The experiment on a GPU: an honest run is bit-equal under eager attention, a rate 1 % off is found.

Trained without quantization, so that bitsandbytes is not needed on the GPU machine.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditor.claims import build
from auditor.model import Setting, Verdict
from auditor.rerun import runner
from auditor.rerun.environments import environment
from auditor.rerun.jobs import Inputs, job
from auditor.rerun.options import RerunOptions
from auditor.rerun.session import rerun
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

pytestmark = [
    pytest.mark.rerun,
    pytest.mark.gpu,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="there is no NVIDIA GPU here"),
]
OURS = ("environment.json", "rerun_steps.jsonl", "rerun_examples.json")
CHEETAH = "cheetah-fine-tuning-config.json"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu")
    fixture = v.plan_of_fixture()
    plan = replace(fixture, settings={**fixture.settings, "quantization": Setting(None, "test")})
    inputs = Inputs.of(RerunOptions(base=TINY_BASE, data=v.DATA))
    changes: dict[str, dict[str, Any]] = {"honest": {}, "rate": {"learning_rate": 2.02e-3}}
    runner.run_child(
        [job(name, folder / name, plan, inputs, **changed) for name, changed in changes.items()],
        folder,
        environment=environment.variables(os.environ, 1),
        threads=1,
        steps=36,
        progress=lambda *_: None,
        timeout=300,
    )
    return folder


def repository(folder: Path) -> v.Files:
    """A training's own files and the fixture's declaration, without quantization."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "init" and path.name not in OURS
    }
    files[CHEETAH] = v.committed()[CHEETAH]
    return v.with_json(files, CHEETAH, lambda d: d["peft"].update(quantization=None))


def test_a_gpu_run_is_rerun_bit_for_bit_and_a_rate_one_percent_off_is_not(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path))
    options = RerunOptions(base=TINY_BASE, data=v.DATA)
    honest = repository(trained / "honest")
    run = v.run_of(honest)
    result = rerun(run, build(run), options)
    assert result.verdict is Verdict.IDENTICAL
    assert result.environment["device"] != "cpu"
    assert result.repeats[0] == "the same settings: bit-equal"
    assert result.repeats[1].startswith("sdpa attention: ")

    files = repository(trained / "rate")
    declared = {path: data for path, data in honest.items() if path.endswith("training_args.bin")}
    run = v.run_of({**files, **declared})
    result = rerun(run, build(run), options)
    # Where the base was written by a newer transformers than the machine's, nobody is accused of one percent.
    assert result.verdict in (Verdict.DIVERGED, Verdict.CONSISTENT)
    if result.verdict is Verdict.DIVERGED:
        assert result.first_divergence is not None
        assert result.first_divergence.step == 2  # warm-up begins at 0
