"""What a JOB.json may say; no torch."""

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.rerun.child.job import JobError, Settings, settings_from, total_steps
from auditor.rerun.child.job_file import read_jobs

JOB = {"name": "one", "output": "out", "base": "base", "data": "rows.jsonl"}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "job.json"
    path.write_text(json.dumps({"version": 1, "threads": 2, "jobs": [JOB]} | changes), encoding="utf-8")
    return path


def test_a_job_without_settings_uses_the_library_defaults(tmp_path: Path) -> None:
    orders = read_jobs(written(tmp_path))
    (job,) = orders.jobs
    assert (orders.threads, job.tokenizer, job.stop_at, job.digests) == (2, Path("base"), None, True)
    # transformers 5.23.0, TrainingArguments: 3 epochs, 8 rows, 5e-5; peft 0.21.2, LoraConfig: r 8.
    s = job.settings
    assert (s.num_train_epochs, s.per_device_train_batch_size, s.learning_rate, s.r) == (3.0, 8, 5e-5, 8)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"learing_rate": 1}, "unknown key 'learing_rate'"),
        ({"seed": True}, r"settings\.seed"),
        ({"seed": 1.5}, r"settings\.seed"),
        ({"packing": 1, "block_size": 4}, r"settings\.packing"),
        ({"target_modules": ["q", 1]}, r"settings\.target_modules"),
        ({"quantization": "int3"}, r"settings\.quantization"),
        ({"packing": True}, "block_size or max_length"),
        ({"pad_to_max_length": True}, "needs max_length"),
        ({"warmup_steps": 1, "warmup_ratio": 0.1}, "exclude"),
        ([], "not an object"),
    ],
)
def test_a_setting_that_cannot_be_followed_is_named(settings: object, said: str) -> None:
    with pytest.raises(JobError, match=said):
        settings_from(settings)


def test_a_whole_number_may_stand_for_a_fraction_and_a_list_for_names() -> None:
    s = settings_from({"learning_rate": 1, "target_modules": ["q_proj"], "init_lora_weights": "gaussian"})
    assert (s.learning_rate, s.target_modules, s.init_lora_weights) == (1, ["q_proj"], "gaussian")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 2}, "version 2"),
        ({"threads": -1}, "threads"),
        ({"threads": True}, "threads"),
        ({"jobs": []}, "at least one"),
        ({"other": 1}, "unknown key 'other'"),
        ({"jobs": [{**JOB, "stop": 1}]}, r"jobs\[0\]: unknown key 'stop'"),
        ({"jobs": [{"name": "one"}]}, "output is missing"),
        ({"jobs": [{**JOB, "stop_at": "1"}]}, "stop_at"),
        ({"jobs": [JOB, {**JOB, "settings": {"x": 1}}]}, r"jobs\[1\]\.settings: unknown key 'x'"),
    ],
)
def test_an_order_that_cannot_be_followed_is_named(tmp_path: Path, changes: Any, said: str) -> None:
    with pytest.raises(JobError, match=said):
        read_jobs(written(tmp_path, **changes))


def test_a_file_that_is_not_json_is_a_job_error(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(JobError, match="not JSON"):
        read_jobs(path)


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    (job,) = read_jobs(written(tmp_path)).jobs
    with pytest.raises(JobError, match="one: base base does not exist"):
        job.require_inputs()


@pytest.mark.parametrize(
    ("examples", "batch", "accumulation", "epochs", "steps"),
    [
        (36, 1, 2, 1, 18),
        (37, 1, 2, 1, 19),  # the 37th block is a step of its own
        (37, 1, 2, 0.5, 10),  # ceil(9.5)
        (10, 4, 2, 3, 6),  # 3 batches, 2 steps an epoch
        (1, 8, 16, 1, 1),
    ],
)
def test_total_steps(examples: int, batch: int, accumulation: int, epochs: float, steps: int) -> None:
    recipe = Settings(
        per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation, num_train_epochs=epochs
    )
    assert total_steps(examples, recipe) == steps


def test_a_declared_total_wins_over_epochs() -> None:
    assert total_steps(36, Settings(max_steps=7)) == 7
