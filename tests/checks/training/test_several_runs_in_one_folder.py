"""Folders as public repositories have them: two base models, SFT beside GRPO, three lengths; honest ones are silent."""

import json

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.pickles import make_training_args
from tests.builders.repositories import healthy
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "several-runs-in-one-folder"


def config(**values: object) -> bytes:
    return json.dumps(
        {"peft_type": "LORA", "r": 8, "base_model_name_or_path": "x/llama-8b"} | values
    ).encode()


def state(step: int, losses: dict[int, float], max_steps: int = 90, **more: object) -> bytes:
    rows = [{"step": at, "loss": loss} for at, loss in losses.items()]
    return json.dumps({"global_step": step, "max_steps": max_steps, "log_history": rows} | more).encode()


def at(files: dict[str, bytes]) -> Snapshot:
    return memory_snapshot("x", files)


def test_passes_for_one_run() -> None:
    assert found(RULE, healthy()) == []


def test_passes_for_one_run_resumed_with_more_steps() -> None:
    """The rows go on, whatever became of max_steps."""
    files = {
        "out/checkpoint-10/trainer_state.json": state(10, {5: 3.0, 10: 2.5}, max_steps=10),
        "out/checkpoint-20/trainer_state.json": state(20, {5: 3.0, 10: 2.5, 15: 2.2, 20: 2.1}, max_steps=20),
    }
    assert found(RULE, at(files)) == []


def test_passes_for_a_nan_row_and_for_a_local_copy_of_the_base() -> None:
    """NaN is not equal to itself, and the last part of a path names the same model as the hub id does."""
    nan = b'{"global_step": 5, "max_steps": 9, "log_history": [{"step": 5, "grad_norm": NaN}]}'
    more = b'{"global_step": 9, "max_steps": 9, "log_history": [{"step": 5, "grad_norm": NaN}, {"step": 9}]}'
    files = {
        "out/checkpoint-5/trainer_state.json": nan,
        "out/checkpoint-9/trainer_state.json": more,
        "out/checkpoint-5/adapter_config.json": config(base_model_name_or_path="/root/models/llama-8b"),
        "out/checkpoint-9/adapter_config.json": config(),
    }
    assert found(RULE, at(files)) == []


def test_fails_for_two_base_models() -> None:
    files = {
        "out/checkpoint-100/adapter_config.json": config(base_model_name_or_path="x/llama-3b"),
        "out/checkpoint-500/adapter_config.json": config(),
        "out/checkpoint-755/adapter_config.json": config(),
    }
    assert found(RULE, at(files)) == [
        finding(
            RULE,
            WARNING,
            "2 runs in one folder: checkpoint-500, checkpoint-755; checkpoint-100",
            "out/checkpoint-100/adapter_config.json",
            expected="the checkpoints of one run",
            observed="2 runs",
            evidence=("checkpoint-100 and checkpoint-500: base x/llama-3b and x/llama-8b",),
        )
    ]


def test_fails_for_two_trainers() -> None:
    files = {
        "out/checkpoint-60/training_args.bin": make_training_args(
            {"seed": 1}, "trl.trainer.sft_config.SFTConfig"
        ),
        "out/checkpoint-90/training_args.bin": make_training_args(
            {"seed": 1}, "trl.trainer.grpo_config.GRPOConfig"
        ),
    }
    (item,) = found(RULE, at(files))
    assert item.evidence == ("checkpoint-60 and checkpoint-90: trained by SFT and GRPO",)


def test_fails_for_three_lengths() -> None:
    files = {
        "out/checkpoint-15/trainer_state.json": state(15, {10: 3.0}, max_steps=15),
        "out/checkpoint-100/trainer_state.json": state(100, {50: 2.0, 100: 1.0}, max_steps=640),
        "out/checkpoint-135/trainer_state.json": state(135, {50: 2.5, 100: 2.2}, max_steps=135),
        "out/checkpoint-200/trainer_state.json": state(200, {50: 2.0, 100: 1.0, 150: 0.9}, max_steps=640),
    }
    (item,) = found(RULE, at(files))
    assert item.observed == "3 runs"
    assert item.evidence == (
        "checkpoint-100 and checkpoint-135: log_history does not continue, max_steps 640 and 135",
        "checkpoint-15 and checkpoint-100: log_history does not continue, max_steps 15 and 640",
    )


def test_fails_for_a_spliced_history() -> None:
    """A row of step 5 in checkpoint-20 that checkpoint-10 does not have was not logged by this run."""
    files = {
        "out/checkpoint-10/trainer_state.json": state(10, {}),
        "out/checkpoint-20/trainer_state.json": state(20, {5: 3.0, 20: 2.0}),
    }
    (item,) = found(RULE, at(files))
    assert item.evidence == (
        "checkpoint-10 and checkpoint-20: log_history has rows that the earlier state should hold",
    )


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, at({"a/adapter_config.json": config()})) == [
        "the folder has fewer than two checkpoints"
    ]


def test_fails_where_the_folder_s_own_files_are_of_another_run() -> None:
    """Seen in public repositories: checkpoints of an earlier training under the files of a later one."""
    later = {"max_steps": 100, "gradient_accumulation_steps": 2, "warmup_steps": 10}
    earlier = {"max_steps": -1, "gradient_accumulation_steps": 8, "warmup_steps": 100}
    files = {
        "out/adapter_config.json": config(),
        "out/training_args.bin": make_training_args(later),
        "out/checkpoint-200/training_args.bin": make_training_args(earlier),
        "out/checkpoint-200/trainer_state.json": state(200, {100: 2.0}, max_steps=36_969),
    }
    (item,) = found(RULE, at(files))
    assert item.message == "2 runs in one folder: the files of the folder itself; checkpoint-200"
    (evidence,) = item.evidence
    assert evidence == (
        "the folder itself and checkpoint-200: other max_steps, gradient_accumulation_steps and warmup_steps"
    )


def test_passes_a_run_resumed_with_many_other_arguments_whose_rows_go_on() -> None:
    later = {"max_steps": 300, "gradient_accumulation_steps": 2, "warmup_steps": 10}
    earlier = {"max_steps": 200, "gradient_accumulation_steps": 8, "warmup_steps": 100}
    files = {
        "out/training_args.bin": make_training_args(later),
        "out/trainer_state.json": state(300, {100: 2.0, 300: 1.0}, max_steps=300),
        "out/checkpoint-100/training_args.bin": make_training_args(earlier),
        "out/checkpoint-100/trainer_state.json": state(100, {100: 2.0}, max_steps=200),
        "out/checkpoint-200/trainer_state.json": state(200, {100: 2.0}, max_steps=200),
    }
    assert found(RULE, at(files)) == []


def test_passes_one_or_two_changed_arguments_which_other_rules_judge() -> None:
    later = {"max_steps": 100, "learning_rate": 1e-4, "seed": 1}
    files = {
        "out/adapter_config.json": config(),
        "out/training_args.bin": make_training_args(later),
        "out/checkpoint-9/training_args.bin": make_training_args(
            later | {"max_steps": 9, "learning_rate": 2e-4}
        ),
        "out/checkpoint-10/adapter_config.json": config(),
    }
    assert found(RULE, at(files)) == []
