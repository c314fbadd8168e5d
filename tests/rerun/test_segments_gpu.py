"""On a GPU: NF4 with bf16 compute, resumed from a committed checkpoint, is bit-equal; a falsified rate is named.

Needs bitsandbytes on the GPU machine; what was measured there is in benchmarks/gpu.md.
"""

import importlib.util
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditor.claims import build
from auditor.model import RerunPlan, Setting, Verdict
from auditor.rerun import runner
from auditor.rerun.environments import environment
from auditor.rerun.jobs import Inputs, job
from auditor.rerun.options import RerunOptions
from auditor.rerun.session import rerun
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v
from tests.rerun.test_experiment_gpu import repository

pytestmark = [
    pytest.mark.rerun,
    pytest.mark.gpu,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="there is no NVIDIA GPU here"),
    pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is missing"),
]
CHEETAH = "cheetah-fine-tuning-config.json"
OPTIONS = RerunOptions(base=TINY_BASE, data=v.DATA, repeats=1)


def half_precision() -> RerunPlan:
    """The fixture's plan with bf16 compute and activations recomputed."""
    plan = v.plan_of_fixture()
    changes = {
        "compute_dtype": Setting("bfloat16", "test"),
        "gradient_checkpointing": Setting(True, "test"),
    }
    return replace(plan, settings={**plan.settings, **changes})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu")
    inputs = Inputs.of(OPTIONS)
    changes: dict[str, dict[str, Any]] = {"honest": {}, "rate": {"learning_rate": 2.2e-3}}
    orders = [
        {**job(name, folder / name, half_precision(), inputs, **changed), "drop_checkpointing": False}
        for name, changed in changes.items()
    ]
    runner.run_child(
        orders,
        folder,
        environment=environment.variables(os.environ, 1),
        threads=1,
        steps=36,
        progress=lambda *_: None,
        timeout=300,
    )
    return folder


def published(folder: Path) -> v.Files:
    """A training's files with a declaration that says bf16 and NF4."""
    files = repository(folder)

    def declare(document: dict[str, Any]) -> None:
        document["peft"].update(quantization="int4")
        document["train_model_parameters"].update(mixed_precision="bf16")

    return v.with_json(files, CHEETAH, declare)


def test_segments_of_an_nf4_run_are_bit_equal_and_activations_kept(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path))
    run = v.run_of(published(trained / "honest"))
    result = rerun(run, build(run), replace(OPTIONS, span="segments", steps=18))
    assert len(result.plan.parts) == 2
    assert result.plan.settings["compute_dtype"].value == "bfloat16"
    others = [
        item for item in result.aspects if item.verdict not in (Verdict.INCONCLUSIVE, Verdict.IDENTICAL)
    ]
    assert others == []
    assert result.verdict is Verdict.IDENTICAL


def test_a_rate_ten_percent_off_is_named_by_its_control(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(tmp_path))
    honest = published(trained / "honest")
    files = published(trained / "rate")
    declared = {path: data for path, data in honest.items() if path.endswith("training_args.bin")}
    run = v.run_of({**files, **declared})
    result = rerun(run, build(run), replace(OPTIONS, hypotheses=False))
    # The floor of sdpa is loud on so small a model in bf16; the control's bits decide all the same.
    assert result.verdict is Verdict.DIVERGED
    assert result.nearest == "looks like learning_rate x 1.1"
