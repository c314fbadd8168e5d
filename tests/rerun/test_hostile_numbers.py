"""Numbers that no training writes, where a rerun plans by them and compares them: no traceback, and no excuse."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.claims import build, same_value
from auditor.model import Verdict
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning import resume
from tests.builders.pickles import make_optimizer, make_training_args
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v
from tests.rerun.test_verdict import aspect, verdict_on

BEYOND = 10**400
"""An integer that no float holds; JSON sets no limit."""
STATE = "checkpoint-9/trainer_state.json"
DECLARED = "cheetah-fine-tuning-config.json"


def arguments(**values: object) -> v.Files:
    files = v.committed()
    told = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 2, "max_steps": 18, **values}
    made = make_training_args(told, "transformers.training_args.TrainingArguments")
    return files | {path: made for path in files if path.endswith("training_args.bin")}


def edited(path: str, edit: Callable[[dict[str, Any]], None]) -> v.Files:
    return v.with_json(v.committed(), path, edit)


def declared(**values: object) -> v.Files:
    """The fixture with these values in its declaration, and no file that says what the Trainer was given."""
    files = edited(DECLARED, lambda d: d["train_model_parameters"].update(values))
    return v.without(files, "training_args.bin", v.event_path())


@pytest.mark.parametrize(
    "files",
    [
        lambda: edited(DECLARED, lambda d: d["peft"].update(lora_alpha=BEYOND)),
        lambda: arguments(seed=[math.nan]),
        lambda: arguments(warmup_steps=math.inf),
        lambda: arguments(warmup_ratio=math.inf),
        lambda: arguments(warmup_steps=math.nan, warmup_ratio=BEYOND),
        lambda: v.without(arguments(warmup_ratio=1e308), v.event_path()),
        lambda: arguments(num_train_epochs=1e308),
        lambda: declared(learning_rate=BEYOND),
        lambda: declared(gradient_accumulation_steps=-BEYOND),
        lambda: arguments(logging_steps=BEYOND, save_steps=BEYOND, adam_beta1=BEYOND),
    ],
    ids=[
        "a rank's scale beyond floats",
        "a list for a seed",
        "endless warmup",
        "an endless share",
        "neither",
        "a share whose product is endless",
        "epochs whose product is endless",
        "a rate beyond floats",
        "micro-batches beyond floats",
        "intervals beyond floats",
    ],
)
def test_a_plan_is_made_all_the_same(files: Callable[[], v.Files]) -> None:
    run = v.run_of(files())
    assert planning.build(run, build(run), TINY_BASE, v.DATA).total_steps == 18


@pytest.mark.parametrize(
    "epochs", [1e308, BEYOND, -BEYOND, math.nan, 0, -1.0], ids=["large", "beyond", "below", "nan", "0", "-1"]
)
def test_epochs_that_no_run_has_make_no_steps(epochs: float) -> None:
    """Nor do they where no state tells the total, which is then not known."""
    files = v.without(
        declared(num_train_epochs=epochs), "trainer_state.json", "checkpoint-9", "checkpoint-18"
    )
    run = v.run_of(files)
    plan = planning.build(run, build(run), TINY_BASE, v.DATA)
    assert (plan.total_steps, "max_steps" in plan.settings) == (0, False)


@pytest.mark.parametrize("epoch", [math.nan, math.inf, -math.inf, 1e300])
def test_an_epoch_that_no_log_has_is_no_place_within_one(epoch: float) -> None:
    run = v.run_of(edited(STATE, lambda d: d.update(epoch=epoch)))
    (folder,) = [item for item in run.checkpoints if item.step == 9]
    assert resume.why_not(run, folder) is None


def test_counters_and_counts_beyond_every_float_differ() -> None:
    result = verdict_on(edited(STATE, lambda d: d.update(epoch=BEYOND)))
    assert aspect(result, "state", STATE).verdict is Verdict.DIVERGED
    counted = edited(STATE, lambda d: d["log_history"][0].update(num_tokens=math.inf))
    assert verdict_on(counted).aspects


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (math.nan, "parameter 0 was updated no known number of times, the rerun's 9 times"),
        (2.0**70, "parameter 0 was updated 1.18059e+21 times, the rerun's 9 times"),
    ],
)
def test_step_counts_that_no_optimizer_has_are_named(step: float, says: str) -> None:
    path = v.OPTIMIZERS[0]
    files = v.committed()
    state = v.run_of(files).checkpoints[0].one(OptimizerState)
    assert state is not None
    shapes = [entry.tensors["exp_avg"].shape for entry in state.entries]
    files[path] = make_optimizer(shapes, step)
    assert aspect(verdict_on(files), "optimizer", path).why == says


def test_values_beyond_every_float_are_only_themselves() -> None:
    assert same_value("lora_alpha", BEYOND, BEYOND)
    for one, other in ((BEYOND, 2), (2.5, BEYOND), (math.inf, 2.5), (math.nan, 2.5), (math.inf, -math.inf)):
        assert not same_value("lora_alpha", one, other)
    assert same_value("lora_alpha", 2, 2.0)
