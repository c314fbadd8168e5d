"""A GPU that is too small, played by the real child: its Trainer raises what torch raises, at a step of our choice."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import IncompleteError
from auditor.rerun.environments import environment
from auditor.rerun.followed import Followed
from auditor.rerun.jobs import Inputs, job
from auditor.rerun.options import RerunOptions
from auditor.rerun.runner import run_child
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

pytestmark = pytest.mark.rerun

TIGHT = """
import sys, time
from auditor.rerun.child import train
from auditor.rerun.child.libraries import torch, transformers
made = transformers.Trainer.training_step
def step(self, *values, **more):
    fits = {fits}
    if "tight" in self.args.output_dir and self.state.global_step == {at} and not fits:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    return made(self, *values, **more)
transformers.Trainer.training_step = step
train.main(sys.argv[1:], time.monotonic())
"""


def trained(
    folder: Path, names: tuple[str, ...], *, at: int, fits: str, gpu: bool = False, **changed: Any
) -> Followed:
    """Three steps of the fixture's recipe, with dropout, for each name; one called "tight" has too little memory."""
    (folder / "child.py").write_text(TIGHT.format(at=at, fits=fits))
    plan, inputs = v.plan_of_fixture(3), Inputs.of(RerunOptions(base=TINY_BASE, data=v.DATA))
    assert plan.settings["gradient_checkpointing"].value is False
    return run_child(
        [job(name, folder / name, plan, inputs, lora_dropout=0.1, **changed) for name in names],
        folder,
        environment={
            **environment.variables(environment.inherited(), 1),
            **({} if gpu else {"CUDA_VISIBLE_DEVICES": ""}),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        threads=1,
        steps=3 * len(names),
        progress=lambda *_: None,
        timeout=120,
        command=(sys.executable, str(folder / "child.py")),
    )


def assert_equal(folder: Path) -> None:
    """The bits of the trainings with too little memory are those of the one that had enough."""
    for name in ("tight", "tight-2"):
        for file in ("adapter_model.safetensors", "optimizer.pt", "rng_state.pth"):
            made = folder / name / "checkpoint-3" / file
            assert made.read_bytes() == (folder / "plain" / "checkpoint-3" / file).read_bytes(), file


def test_activations_that_do_not_fit_are_recomputed_to_the_same_bits(tmp_path: Path) -> None:
    """The recipe declares no gradient checkpointing; its steps with and without it are equal, dropout included."""
    followed = trained(tmp_path, ("plain", "tight", "tight-2"), at=1, fits="self.args.gradient_checkpointing")
    assert followed.retried
    assert followed.step == 9  # the step that was made before memory was full counts once
    assert_equal(tmp_path)


def test_what_does_not_fit_with_checkpointing_either_names_the_span_that_did(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError) as raised:
        trained(tmp_path, ("tight",), at=2, fits="False")
    assert raised.value.message == (
        "the GPU's memory was full, with gradient checkpointing too; training stopped after 2 of 3 steps"
    )
    assert raised.value.hint.startswith("steps 1 to 2 fitted, and --span 0..2 judges those; ")
