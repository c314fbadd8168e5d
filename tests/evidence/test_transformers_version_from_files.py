"""Ranges of releases: each expectation is the table of wheels read (fields and keys per release)."""

from typing import Any

import pytest

from auditor.evidence import transformers_version_from_files as module
from auditor.model import Evidence, Status, VersionRange
from auditor.runs import Run
from tests.builders.repositories import healthy, seed
from tests.builders.safetensors import make_safetensors
from tests.evidence.support import (
    EVENTS,
    adapter,
    arguments,
    event_file,
    recipe,
    run_of,
    state,
    weighed,
    with_artifacts,
)

CLAIM = "transformers_version"
STATE = "checkpoint-450/trainer_state.json"
OLD_STATE = {key: value for key, value in state().items() if key != "best_global_step"}
COMPLETE: dict[str, Any] = {"output_dir": "out", **{f"field_{number}": None for number in range(99)}}
# Fields of the bound table that the wheels of these releases hold.
WHEELS = {
    "4.49.0": ("evaluation_strategy", "use_ipex", "warmup_ratio", "overwrite_output_dir"),
    "4.50.3": ("evaluation_strategy", "tp_size", "use_ipex", "warmup_ratio", "overwrite_output_dir"),
    "4.51.3": ("tp_size", "use_ipex", "warmup_ratio", "overwrite_output_dir"),
    "4.52.4": ("use_ipex", "warmup_ratio", "overwrite_output_dir"),
    "4.53.3": ("hub_revision", "use_ipex", "warmup_ratio", "overwrite_output_dir"),
    "4.57.1": (
        *("hub_revision", "parallelism_config"),
        *("warmup_ratio", "overwrite_output_dir"),
    ),
    "5.23.0": ("hub_revision", "parallelism_config"),
}


def only(run: Run) -> Evidence:
    (evidence,) = weighed(run, module).claims[CLAIM].evidence
    return evidence


def bare(**files: object) -> Run:
    named = {name.replace("__", "/"): value for name, value in files.items()}
    return run_of({"adapter_config.json": adapter(auto_mapping=None), **named})


def test_the_real_case_lies_between_4_50_and_4_51() -> None:
    evidence = only(run_of(seed()))
    assert evidence.value == VersionRange("4.50.0", "4.51.3")
    assert evidence.says == "the files were written by Transformers 4.50.0 to 4.51.3"
    assert evidence.outcome is Status.VERIFIED


def test_an_event_file_names_the_release() -> None:
    assert only(run_of(healthy())).value == VersionRange("5.23.0", "5.23.0")


@pytest.mark.parametrize("release", WHEELS)
def test_the_fields_of_a_release_give_a_range_that_holds_it(release: str) -> None:
    values = {**COMPLETE, **dict.fromkeys(WHEELS[release])}
    span = only(with_artifacts(bare(), arguments(**values))).value
    assert isinstance(span, VersionRange)
    assert release in span
    others = [other for other in WHEELS if other in span]
    assert len(others) <= 2, "a field set tells neighbours apart at most by one"


def test_a_part_of_the_arguments_proves_nothing_by_absence() -> None:
    run = with_artifacts(bare(), arguments(output_dir="out"))
    assert CLAIM not in weighed(run, module).claims


def test_the_model_class_and_older_state_keys_exclude_each_other() -> None:
    evidence = only(run_of({"adapter_config.json": adapter(), STATE: OLD_STATE}))
    assert evidence.outcome is Status.CONTRADICTED
    assert evidence.says == (
        "checkpoint-450/trainer_state.json was written by Transformers 4.49.0 or older, adapter_config.json by "
        "Transformers 4.50.0 or newer: no release can have written both"
    )
    assert evidence.paths == (STATE, "adapter_config.json")


def test_an_event_file_of_another_release_conflicts() -> None:
    run = run_of(
        {
            "adapter_config.json": adapter(),
            STATE: state(),
            EVENTS: event_file(config={"transformers_version": "4.46.0"}),
        }
    )
    assert only(run).outcome is Status.CONTRADICTED


@pytest.mark.parametrize(
    ("module_name", "span"),
    [
        ("language_model.model.layers.0.mlp.up_proj", VersionRange("4.50.0", "4.51.3")),
        ("model.language_model.layers.0.mlp.up_proj", VersionRange("4.52.0", None)),
    ],
)
def test_names_of_modules_tell_the_generation(module_name: str, span: VersionRange) -> None:
    tensor = f"base_model.model.{module_name}.lora_A.weight"
    weights = make_safetensors({tensor: ("F32", (1, 1), b"\0\0\0\0")})
    run = run_of({"adapter_config.json": adapter(), "adapter_model.safetensors": weights})
    assert only(run).value == span


def test_what_rests_on_a_declaration_narrows_and_never_contradicts() -> None:
    files = {
        "adapter_config.json": adapter(),
        "cheetah-fine-tuning-config.json": recipe(peft={"target_modules": "all-linear"}),
    }
    assert only(run_of(files)).value == VersionRange("4.50.0", "4.51.3")
    events = event_file(config={"transformers_version": "5.0.0"})
    assert only(run_of({**files, EVENTS: events})).value == VersionRange("5.0.0", "5.0.0")


def test_a_scaler_beside_the_callbacks_of_the_state_narrows() -> None:
    run = run_of(
        {
            "adapter_config.json": adapter(auto_mapping=None),
            STATE: OLD_STATE,
            "checkpoint-450/scaler.pt": b"",
        }
    )
    assert only(run).value == VersionRange("4.49.0", "4.49.0")


def test_is_silent_where_no_file_tells() -> None:
    assert CLAIM not in weighed(bare(), module).claims
