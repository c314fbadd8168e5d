import math
from typing import Any

import pytest

from auditor.model import Snapshot
from tests.builders.example_edits import pickled
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.rerun.variants import committed, with_tensors

RULE = "weights-barely-moved"
ROOT = "adapter_model.safetensors"


def shrunk(factor: float, where: str = "lora_B") -> Snapshot:
    def edit(name: str, a: Any) -> Any:
        return a * a.dtype.type(factor) if where in name and "lora_B" in name else a

    return healthy(data={ROOT: with_tensors(committed()[ROOT], edit)})


def test_passes_for_the_honest_run_a_tenth_and_zeros() -> None:
    """Zeros are the matter of untrained-layers; a tenth of 0.018 is above half of 0.018 / sqrt(18)."""
    assert found(RULE, healthy()) == []
    assert found(RULE, shrunk(0.5)) == []
    assert found(RULE, shrunk(0.0)) == []
    assert found(RULE, shrunk(0.001, ".layers.0.")) == []


def test_fails_for_weights_of_a_hundredth() -> None:
    """Two steps of warm-up and linear decay: rates 0, .001, then .002 x 16/16 to 1/16 sum to 0.018 over 18 steps."""
    (only,) = found(RULE, shrunk(0.01))
    largest = float(only.observed or "nan")
    assert 1e-4 < largest < 2e-4
    least = 0.5 * (0.001 + 0.002 * sum(range(1, 17)) / 16) / math.sqrt(18)
    assert only == finding(
        RULE,
        WARNING,
        f"no number of lora_B is larger than {largest:.6g} after 18 steps at the claimed learning rate of 0.002",
        ROOT,
        only.at.member,
        expected=f"at least {least:.6g}, which noise alone would reach",
        observed=f"{largest:.6g}",
    )


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == [
        "the run has no adapter of its own that could be read",
        "lora_A is not looked at: the numbers that lora_A began with are not known",
    ]
    short = {"trainer_state.json": {"/global_step": 5}}
    states = ("checkpoint-9/", "checkpoint-18/")
    assert reasons(RULE, healthy(json_edits=short, without=states)) == ["5 steps are too few to tell"]


@pytest.mark.parametrize("best", ["/out/checkpoint-9", "C:\\out\\checkpoint-9\\"])
def test_counts_the_steps_of_the_best_checkpoint_where_the_run_loaded_it(best: str) -> None:
    arguments = pickled(committed()["training_args.bin"], "load_best_model_at_end", value=True)
    folders = ("", "checkpoint-9/", "checkpoint-18/")
    loads = {f"{folder}training_args.bin": arguments for folder in folders}
    state = {"checkpoint-18/trainer_state.json": {"/best_model_checkpoint": best}}
    assert reasons(RULE, healthy(data=loads, json_edits=state)) == ["9 steps are too few to tell"]
