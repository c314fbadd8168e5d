"""Steps, epochs and intervals; the rule is transformers' ceil(max_steps * interval) below one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.evidence import steps_arithmetic as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import healthy, seed
from tests.evidence.support import adapter, arguments, recipe, run_of, said, state, with_artifacts


def run_with(train: dict[str, object], **counted: object) -> Run:
    return run_of(
        {
            "adapter_config.json": adapter(),
            "cheetah-fine-tuning-config.json": recipe(train=train),
            "checkpoint-450/trainer_state.json": state(**counted),
        }
    )


def outcome(key: str, train: dict[str, object], **counted: object) -> Status | None:
    return said(run_with(train, **counted), module).get(key, (None, ""))[0]


def test_the_real_case_explains_minus_450() -> None:
    found = said(run_of(seed()), module)
    assert found["logging_steps"] == (
        Status.VERIFIED,
        "trainer_state.json says -450, which is what logging_steps -1 becomes",
    )
    assert found["num_train_epochs"][0] is Status.VERIFIED
    assert found["global_step"][0] is Status.VERIFIED
    assert found["per_device_train_batch_size"] == (
        Status.UNVERIFIABLE,
        (
            "per_device_train_batch_size 4 was asked for, and the micro-batch that ran was 1: "
            "auto_find_batch_size may lower it when memory runs out"
        ),
    )


@pytest.mark.parametrize(
    ("key", "asked", "recorded", "expected"),
    [
        ("logging_steps", 10, 10, Status.VERIFIED),
        ("logging_steps", 10, 20, Status.CONTRADICTED),
        ("logging_steps", -1, 90, Status.UNVERIFIABLE),
        # 450 x 0.25 = 112.5, rounded up.
        ("save_steps", 0.25, 113, Status.VERIFIED),
        ("save_steps", 0.25, 112, Status.UNVERIFIABLE),
        ("eval_steps", 50, 500, Status.CONTRADICTED),
        ("max_steps", 450, 450, Status.VERIFIED),
        ("max_steps", 400, 450, Status.CONTRADICTED),
        ("num_train_epochs", 2.5, 3, Status.VERIFIED),
        ("num_train_epochs", 3, 1, Status.CONTRADICTED),
        ("per_device_train_batch_size", 4, 4, Status.VERIFIED),
        ("per_device_train_batch_size", 4, 3, Status.CONTRADICTED),
        # Two GPUs in one process draw two micro-batches.
        ("per_device_train_batch_size", 4, 8, Status.UNVERIFIABLE),
    ],
)
def test_what_was_asked_for_against_what_was_counted(
    key: str, asked: object, recorded: object, expected: Status
) -> None:
    counted = {"train_batch_size" if key == "per_device_train_batch_size" else key: recorded}
    assert outcome(key, {key: asked}, **counted) is expected


def test_given_steps_outweigh_the_epochs() -> None:
    assert outcome("num_train_epochs", {"num_train_epochs": 3, "max_steps": 450}) is Status.UNVERIFIABLE


def test_effective_arguments_may_be_those_of_a_resume() -> None:
    run = run_of(
        {"adapter_config.json": adapter(), "checkpoint-450/trainer_state.json": state(save_steps=50)}
    )
    run = with_artifacts(run, arguments(save_steps=25, per_device_train_batch_size=3))
    found = said(run, module)
    assert found["save_steps"][0] is Status.UNVERIFIABLE
    assert found["per_device_train_batch_size"][0] is Status.UNVERIFIABLE


@pytest.mark.parametrize("epoch", [0.4, 3.0, None])
def test_an_epoch_that_does_not_fit_verifies_nothing(epoch: float | None) -> None:
    assert outcome("global_step", {}, epoch=epoch) is None


def test_is_silent_without_a_state() -> None:
    assert said(run_of({"adapter_config.json": adapter()}), module) == {}


def test_the_healthy_run_agrees() -> None:
    assert {o for o, _ in said(run_of(healthy()), module).values()} == {Status.VERIFIED}


@given(st.integers(1, 10_000), st.floats(0.0001, 0.9999))
def test_a_share_of_the_steps_is_rounded_up(total: int, share: float) -> None:
    # transformers 5.23.0, trainer_callback.py compute_steps
    recorded = math.ceil(total * share)
    assert (
        outcome("save_steps", {"save_steps": share}, max_steps=total, save_steps=recorded) is Status.VERIFIED
    )


def test_a_copy_that_stands_alone_contradicts_the_others_first() -> None:
    edits = {"checkpoint-18/trainer_state.json": {"/logging_steps": 3}}
    outcome, says = said(run_of(healthy(json_edits=edits)), module)["logging_steps"]
    assert outcome is Status.UNVERIFIABLE
    assert says.endswith("; other copies of the state disagree")
