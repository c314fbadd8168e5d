"""The optimizer of the healthy run (torch's AdamW, 18 steps, rate 2e-3), with its state edited in memory."""

from dataclasses import replace
from typing import Any

import pytest

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.evidence import optimizer_from_state as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import healthy
from tests.checks.training.parts import arguments, everywhere
from tests.evidence.support import run_of, said, with_artifacts

CONFIG = "cheetah-fine-tuning-config.json"
OPTIMIZER = "checkpoint-18/optimizer.pt"


def run_with(train: dict[str, object] | None = None, **changes: Any) -> Run:
    edits = {f"/train_model_parameters/{key}": value for key, value in (train or {}).items()}
    run = run_of(healthy(json_edits={CONFIG: edits}))
    state = run.latest(OptimizerState)
    assert state is not None
    assert state.path == OPTIMIZER
    return with_artifacts(run, state.replaced(**changes)) if changes else run


def stepped(step: float, state_names: tuple[str, ...] | None = None) -> dict[str, Any]:
    state = run_of(healthy()).latest(OptimizerState)
    assert state is not None
    tensors = next(iter(state.entries[0].tensors.values()))
    return {
        "entries": tuple(
            entry.replaced(
                step=step,
                tensors=dict.fromkeys(state_names, tensors) if state_names else entry.tensors,
            )
            for entry in state.entries
        )
    }


def test_the_healthy_run_agrees() -> None:
    assert said(run_with(), module) == {
        "optim": (Status.VERIFIED, "the state is that of torch's Adam family"),
        "global_step": (Status.VERIFIED, "every parameter was updated 18 times"),
        "learning_rate": (Status.VERIFIED, "optimizer.pt was built with 0.002"),
        "weight_decay": (Status.VERIFIED, "optimizer.pt was built with 0"),
        "adam_beta1": (Status.VERIFIED, "optimizer.pt was built with 0.9"),
        "adam_beta2": (Status.VERIFIED, "optimizer.pt was built with 0.999"),
        "adam_epsilon": (Status.VERIFIED, "optimizer.pt was built with 1e-08"),
    }


@pytest.mark.parametrize(
    ("declared", "names", "expected"),
    [
        ("adamw_torch_fused", None, Status.VERIFIED),
        ("adafactor", None, Status.CONTRADICTED),
        ("paged_adamw_8bit", None, Status.CONTRADICTED),
        ("paged_adamw_32bit", ("state1", "state2"), Status.VERIFIED),
        # Floats under an 8-bit name: bitsandbytes keeps small tensors so.
        ("adamw_8bit", ("state1", "state2"), Status.UNVERIFIABLE),
        ("adamw_torch", ("state1", "state2"), Status.CONTRADICTED),
        ("adafactor", ("exp_avg_sq_row", "exp_avg_sq_col"), Status.VERIFIED),
        ("lomo", None, None),
    ],
)
def test_the_names_of_the_state_tell_the_algorithm(
    declared: str, names: tuple[str, ...] | None, expected: Status | None
) -> None:
    changes = stepped(18.0, names) if names else {}
    found = said(run_with({"optimizer": declared}, **changes), module)
    assert found.get("optim", (None, ""))[0] is expected


def test_another_algorithm_is_named() -> None:
    assert said(run_with({"optimizer": "adafactor"}), module)["optim"] == (
        Status.CONTRADICTED,
        "optimizer is declared as adafactor, and optimizer.pt holds the state of torch's Adam family",
    )


@pytest.mark.parametrize(
    ("step", "auto_find", "expected"),
    [
        (17.0, False, Status.UNVERIFIABLE),
        (22.0, True, Status.UNVERIFIABLE),
        (22.0, False, Status.CONTRADICTED),
    ],
)
def test_updates_against_steps(step: float, auto_find: bool, expected: Status) -> None:
    run = run_with({"auto_find_batch_size": auto_find}, **stepped(step))
    # training_args.bin of the healthy run says false; the declared word stands beside it.
    run = replace(run, root=replace(run.root, artifacts={}), events=()) if auto_find else run
    if auto_find:
        run = replace(run, checkpoints=tuple(_without_arguments(run)))
    assert said(run, module)["global_step"][0] is expected


def _without_arguments(run: Run) -> list[Any]:
    from auditor.artifacts.training_args import TrainingArgs

    return [
        replace(folder, artifacts={k: v for k, v in folder.artifacts.items() if k is not TrainingArgs})
        for folder in run.checkpoints
    ]


def test_more_updates_than_steps_are_named() -> None:
    assert said(run_with(**stepped(22.0)), module)["global_step"] == (
        Status.CONTRADICTED,
        "optimizer.pt counts 22 updates, more than the 18 steps of trainer_state.json",
    )


@pytest.mark.parametrize(
    ("key", "declared", "says"),
    [
        ("learning_rate", 1e-3, "learning_rate is declared as 0.001, and optimizer.pt was built with 0.002"),
        ("weight_decay", 0.01, "weight_decay is declared as 0.01, and optimizer.pt was built with 0"),
    ],
)
def test_settings_of_the_groups(key: str, declared: float, says: str) -> None:
    assert said(run_with({key: declared}), module)[key] == (Status.CONTRADICTED, says)


def test_an_empty_second_group_is_passed_over() -> None:
    state = run_of(healthy()).latest(OptimizerState)
    assert state is not None
    groups = ({**state.param_groups[0], "params": [], "weight_decay": 0.5}, *state.param_groups)
    assert said(run_with(param_groups=groups), module)["weight_decay"][0] is Status.VERIFIED


def test_is_silent_without_an_optimizer() -> None:
    run = run_of(healthy(without=("checkpoint-9/optimizer.pt", OPTIMIZER)))
    assert said(run, module) == {}


@pytest.mark.parametrize("declared", ["adagrad", "lion_32bit", "rmsprop"])
def test_epsilon_of_another_algorithm_is_its_own(declared: str) -> None:
    """The Trainer passes adam_epsilon to Adam's relatives only; torch's Adagrad keeps 1e-10, Lion 0."""
    state = run_of(healthy()).latest(OptimizerState)
    assert state is not None
    groups = tuple({**group, "eps": 1e-10} for group in state.param_groups)
    assert said(run_with(param_groups=groups), module)["adam_epsilon"][0] is Status.CONTRADICTED
    run = run_of(healthy(data=everywhere(arguments(optim=declared))))
    run = with_artifacts(run, state.replaced(param_groups=groups))
    found = said(run, module)
    assert "adam_epsilon" not in found
    assert found["learning_rate"][0] is Status.VERIFIED


def test_a_group_that_stands_alone_contradicts_the_others_first() -> None:
    state = run_of(healthy()).latest(OptimizerState)
    assert state is not None
    groups = ({**state.param_groups[0], "eps": 1e-10}, *state.param_groups[1:])
    outcome, says = said(run_with(param_groups=groups), module)["adam_epsilon"]
    assert outcome is Status.UNVERIFIABLE
    assert says.endswith("; other groups disagree")
