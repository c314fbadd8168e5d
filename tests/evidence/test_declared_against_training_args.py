"""Declared settings against training arguments, each pair written out by hand."""

from typing import Any

import pytest

from auditor.evidence import declared_against_training_args as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import healthy, seed
from tests.evidence.support import adapter, arguments, recipe, run_of, said, with_artifacts


def run_with(train: dict[str, object], **values: Any) -> Run:
    files = {"adapter_config.json": adapter(), "cheetah-fine-tuning-config.json": recipe(train=train)}
    run = run_of(files)
    return with_artifacts(run, arguments(**values)) if values else run


@pytest.mark.parametrize(
    ("key", "declared", "received", "expected"),
    [
        ("learning_rate", 3e-5, 3e-5, Status.VERIFIED),
        ("learning_rate", "3e-5", 3e-5, Status.VERIFIED),
        ("learning_rate", 3e-5, 1e-4, Status.CONTRADICTED),
        ("learning_rate", "0.1", 1.1, Status.CONTRADICTED),
        ("num_train_epochs", 1, 1.0, Status.VERIFIED),
        ("seed", 42, 43, Status.CONTRADICTED),
        ("lr_scheduler_type", "linear", "SchedulerType.LINEAR", Status.VERIFIED),
        ("lr_scheduler_type", "linear", "cosine", Status.CONTRADICTED),
        ("auto_find_batch_size", True, False, Status.CONTRADICTED),
        # It may be turned on by prepare_model_for_kbit_training, outside the arguments.
        ("gradient_checkpointing", True, False, Status.UNVERIFIABLE),
        ("gradient_checkpointing", False, True, Status.CONTRADICTED),
        # A platform's -1 may mean anything; a positive number means itself.
        ("logging_steps", -1, 10, Status.UNVERIFIABLE),
        ("logging_steps", 5, 10, Status.CONTRADICTED),
        ("max_steps", -1, 100, Status.UNVERIFIABLE),
        ("max_steps", 50, 100, Status.CONTRADICTED),
    ],
)
def test_values_are_compared_by_meaning(
    key: str, declared: object, received: object, expected: Status
) -> None:
    assert said(run_with({key: declared}, **{key: received}), module)[key][0] is expected


def test_a_contradiction_names_both_values() -> None:
    assert said(run_with({"learning_rate": 3e-5}, learning_rate=1e-4), module)["learning_rate"] == (
        Status.CONTRADICTED,
        "learning_rate is declared as 3e-05, and training_args.bin says 0.0001",
    )


@pytest.mark.parametrize(
    ("declared", "values", "expected"),
    [
        ("fp16", {"fp16": True, "bf16": False}, Status.VERIFIED),
        ("fp16", {"fp16": False, "bf16": True}, Status.CONTRADICTED),
        ("fp16", {"fp16": False, "bf16": False}, Status.CONTRADICTED),
        ("no", {"fp16": False, "bf16": False}, Status.VERIFIED),
    ],
)
def test_precision_is_two_switches(declared: str, values: dict[str, Any], expected: Status) -> None:
    assert said(run_with({"mixed_precision": declared}, **values), module)["mixed_precision"][0] is expected


def test_a_ratio_gives_way_to_steps() -> None:
    run = run_with({"warmup_ratio": 0.1}, warmup_ratio=0.0, warmup_steps=45)
    assert said(run, module)["warmup_ratio"][0] is Status.UNVERIFIABLE
    run = run_with({"warmup_ratio": 0.1}, warmup_ratio=0.0, warmup_steps=0)
    assert said(run, module)["warmup_ratio"][0] is Status.CONTRADICTED


@pytest.mark.parametrize("nothing", [None, "None", "null", ""])
def test_what_is_not_said_is_not_compared(nothing: object) -> None:
    assert said(run_with({"save_total_limit": nothing}, save_total_limit=1), module) == {}


def test_a_translated_key_is_compared_under_its_own_name() -> None:
    found = said(run_with({"gradient_accumulation": 4}, gradient_accumulation_steps=1), module)
    assert found["gradient_accumulation_steps"] == (
        Status.CONTRADICTED,
        "gradient_accumulation is declared as 4, and training_args.bin says 1",
    )


def test_a_switch_said_the_other_way_round_is_turned() -> None:
    run = run_with({"disable_gc": False}, gradient_checkpointing=True)
    assert said(run, module)["gradient_checkpointing"][0] is Status.VERIFIED


def test_the_healthy_run_agrees_in_everything() -> None:
    outcomes = said(run_of(healthy()), module)
    assert {"learning_rate", "seed", "optim", "gradient_accumulation_steps"} <= set(outcomes)
    assert {outcome for outcome, _ in outcomes.values()} == {Status.VERIFIED}


def test_cannot_look_at_a_file_that_was_not_fetched() -> None:
    assert said(run_of(seed()), module)["learning_rate"] == (
        Status.UNVERIFIABLE,
        "training_args.bin was not read (unfetched); it would show what the trainer received",
    )


def test_cannot_look_where_there_is_none() -> None:
    assert said(run_with({"seed": 42}), module)["seed"] == (
        Status.UNVERIFIABLE,
        "no training_args.bin is in the run; it would show what the trainer received",
    )


def test_is_silent_without_a_declaration() -> None:
    run = with_artifacts(run_of({"adapter_config.json": adapter()}), arguments(learning_rate=1.0))
    assert said(run, module) == {}
