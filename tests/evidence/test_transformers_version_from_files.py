"""Ranges of releases: each expectation is the table of wheels read (fields and keys per release)."""

from typing import Any

import pytest

from auditor.artifacts.training_args import TrainingArgs
from auditor.artifacts.versions import argument_keys
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
PLAIN = "transformers.training_args.TrainingArguments"
# Fields that came or went by the annotations of TrainingArguments in the wheels of these releases; between two
# rows nothing else changed that is listed here.
RELEASES = ("4.49.0", "4.50.3", "4.51.3", "4.52.4", "4.53.3", "4.57.1", "5.23.0")


def complete(release: str) -> dict[str, Any]:
    """All fields of a release; tests/fixtures/test_versions.py holds the table against the installed package."""
    fields = argument_keys(PLAIN).at(release)
    assert fields is not None
    return dict.fromkeys(fields)


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


@pytest.mark.parametrize("release", RELEASES)
def test_the_fields_of_a_release_give_a_range_that_holds_it_and_no_other(release: str) -> None:
    span = only(with_artifacts(bare(), arguments(**complete(release)))).value
    assert isinstance(span, VersionRange)
    assert [other for other in RELEASES if other in span] == [release]


def test_a_single_field_moves_the_range() -> None:
    # tp_size came with 4.50.0 and went with 4.52.0; evaluation_strategy went with 4.51.0.
    values = complete("4.51.3")
    assert only(with_artifacts(bare(), arguments(**values))).value == VersionRange("4.51.0", "4.51.3")
    old = {**values, "evaluation_strategy": None, "dispatch_batches": None, "split_batches": None}
    assert only(with_artifacts(bare(), arguments(**old))).value == VersionRange("4.50.0", "4.50.3")


def test_a_subclass_narrows_and_contradicts_nothing() -> None:
    # A class of TRL may have a field that Transformers dropped.
    values = {**complete("5.23.0"), "evaluation_strategy": "no", "max_length": 1024}
    trl = TrainingArgs("checkpoint-450/training_args.bin", "trl.trainer.sft_config.SFTConfig", values)
    run = with_artifacts(run_of({"adapter_config.json": adapter(), STATE: state()}), trl)
    assert only(run).outcome is Status.VERIFIED
    fresh = TrainingArgs("training_args.bin", "trl.trainer.sft_config.SFTConfig", complete("4.52.4"))
    assert only(with_artifacts(bare(), fresh)).value == VersionRange("4.52.0", "4.52.4")


def test_the_text_of_an_event_file_dates_as_the_arguments_do() -> None:
    text = {**complete("4.53.3"), "output_dir": "out"}
    run = run_of({"adapter_config.json": adapter(auto_mapping=None), EVENTS: event_file(args=text)})
    assert only(run).value == VersionRange("4.53.0", "4.55.4")


def test_arguments_older_than_the_state_exclude_it() -> None:
    run = run_of({"adapter_config.json": adapter(auto_mapping=None), STATE: state()})
    evidence = only(with_artifacts(run, arguments("checkpoint-450/training_args.bin", **complete("4.49.0"))))
    assert evidence.outcome is Status.CONTRADICTED


def test_a_part_of_the_arguments_proves_nothing_by_absence() -> None:
    run = with_artifacts(bare(), arguments(output_dir="out"))
    assert CLAIM not in weighed(run, module).claims


def test_the_model_class_and_older_state_keys_exclude_each_other() -> None:
    evidence = only(run_of({"adapter_config.json": adapter(), STATE: OLD_STATE}))
    assert evidence.outcome is Status.CONTRADICTED
    assert evidence.says == (
        "checkpoint-450/trainer_state.json was written by Transformers 4.41.0 to 4.49.0, adapter_config.json by "
        "Transformers 4.50.0 or newer: no release can have written both"
    )
    assert evidence.paths == (STATE, "adapter_config.json")


def test_a_development_build_is_older_than_the_release_it_is_named_after() -> None:
    """main is called 4.52.0.dev0 from the day 4.51 is branched off, so its arguments may still be 4.51's."""
    run = run_of(
        {
            "adapter_config.json": adapter(),
            STATE: state(),
            EVENTS: event_file(config={"transformers_version": "4.52.0.dev0"}),
        }
    )
    evidence = only(with_artifacts(run, arguments(**complete("4.51.3"))))
    assert evidence.outcome is Status.VERIFIED
    assert isinstance(evidence.value, VersionRange)
    assert "4.51.3" in evidence.value


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
