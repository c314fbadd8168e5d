"""Sentences for people, and agreement of the rule with the published schema."""

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from auditor import schemas
from auditor.artifacts._value_types import accepted, fits
from auditor.artifacts.versions import is_trainer_state, state_keys
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.adapter.test_adapter_config_value_of_wrong_type import VALUES
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "trainer-state-value-of-wrong-type"
STATE = "checkpoint-18/trainer_state.json"
SCHEMA = Draft202012Validator(schemas.load("trainer_state"))


def edit(**values: object) -> list[object]:
    edits = {f"/{key}": value for key, value in values.items()}
    return list(found(RULE, healthy(json_edits={STATE: edits})))


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_what_the_trainer_writes() -> None:
    # Whole floats, NaN as a metric, negative steps (a platform's -1 times max_steps), no best metric yet.
    assert edit(max_steps=4.0, best_metric=float("nan"), logging_steps=-4, eval_steps=0.5, save_steps=0) == []


def test_fails_in_words_for_people() -> None:
    assert edit(global_step="4") == [
        finding(RULE, WARNING, '`global_step` is the string "4", expected an integer', STATE, "/global_step")
    ]
    assert edit(trial_params=[]) == [
        finding(
            RULE, WARNING, "`trial_params` is an array, expected an object or null", STATE, "/trial_params"
        )
    ]


def test_cannot_look_at_the_state_of_another_program() -> None:
    assert reasons(RULE, memory_snapshot("test", {"trainer_state.json": b'{"epoch": "one"}'})) == [
        "the file does not have the keys of Transformers' Trainer"
    ]


@given(key=st.sampled_from(sorted(accepted(state_keys()))), value=VALUES)
@settings(max_examples=200, deadline=None)
def test_the_rule_and_the_schema_agree(key: str, value: object) -> None:
    if key == "log_history":
        return  # Its rows are looked at one by one, see test_rows_are_objects.
    raw = {"global_step": 1, "log_history": [], key: value}
    assert fits(value, accepted(state_keys())[key]) is SCHEMA.is_valid(raw)


def test_rows_are_objects() -> None:
    assert not SCHEMA.is_valid({"global_step": 1, "log_history": [1]})
    (only,) = edit(log_history=[1])
    assert only == finding(
        RULE, WARNING, "`log_history` is an array, expected an array of objects", STATE, "/log_history"
    )


def test_real_states_are_valid(real_repositories: Path) -> None:
    read = 0
    for path in real_repositories.rglob("trainer_state.json"):
        try:
            raw = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError:  # A pointer to LFS content.
            continue
        if is_trainer_state(raw):
            assert SCHEMA.is_valid(raw), path
            read += 1
    assert read > 50
