"""Two GPUs, a training on each: the same bits as one warm child's, and every child sees one GPU.

Trained without quantization, so that bitsandbytes is not needed on the GPU machine.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditor.model import Setting
from auditor.rerun import runner
from auditor.rerun.fleet.devices import gpus
from auditor.rerun.options import RerunOptions
from auditor.rerun.outputs import Outputs
from auditor.rerun.trials import CONTROL, Trial
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v
from tests.rerun.test_fleet import missing
from tests.rerun.test_fleet_bits import digests
from tests.rerun.whole import experiment_of

pytestmark = [
    pytest.mark.rerun,
    pytest.mark.gpu,
    missing("joblib"),
    pytest.mark.skipif(
        len(gpus(os.environ)) < 2, reason="two NVIDIA GPUs are needed, and fewer are visible here"
    ),
]
NAMES = ("rerun", "repeat-1", "repeat-2", "control-seed", "control-rate")


def trained(folder: Path, jobs: int | None) -> Outputs:
    """The tiny recipe on GPUs: the rerun, two repeats, two controls."""
    fixture = v.plan_of_fixture()
    plan = replace(fixture, settings={**fixture.settings, "quantization": Setting(None, "test")})
    options = RerunOptions(base=TINY_BASE, data=v.DATA, variation=False, repeats=3, cache=False, jobs=jobs)
    controls = (
        Trial("control-seed", CONTROL, "another seed", {"seed": 43}),
        Trial("control-rate", CONTROL, "another rate", {"learning_rate": 1e-3}),
    )
    folder.mkdir()
    return experiment_of(
        plan,
        options,
        lambda *_: None,
        folder,
        "cuda",
        advice=lambda outputs: () if outputs.controls else controls,
    )


def test_two_gpus_train_side_by_side_the_bits_of_one_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str | None] = []
    start = runner._start

    def noted(command: Any, environment: Mapping[str, str], *rest: Any, **more: Any) -> Any:
        started.append(environment.get("CUDA_VISIBLE_DEVICES"))
        return start(command, environment, *rest, **more)

    monkeypatch.setattr(runner, "_start", noted)
    one = trained(tmp_path / "one", None)
    assert len(started) == 1
    started.clear()
    two = trained(tmp_path / "two", 2)
    assert sorted(map(str, started)) == sorted(gpus(os.environ)[:2])
    for name in NAMES:
        assert digests(tmp_path / "two" / name) == digests(tmp_path / "one" / name)
        for place in ("one", "two"):
            recorded = json.loads((tmp_path / place / name / "environment.json").read_text())
            assert recorded["device"] != "cpu"
            assert recorded["devices"] == 1  # a Trainer that sees two would split its batches
    assert digests(tmp_path / "one" / "rerun") == digests(tmp_path / "one" / "repeat-1")
    assert digests(tmp_path / "one" / "rerun") != digests(tmp_path / "one" / "control-rate")
    assert [len(item.repeats) for item in (one, two)] == [2, 2]
