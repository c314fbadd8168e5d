import json

from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "trainer-state-keys-of-no-release"
STATE = "checkpoint-18/trainer_state.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_keys_that_a_newer_release_or_a_subclass_adds() -> None:
    assert found(RULE, healthy(json_edits={STATE: {"/from_the_future": 1}})) == []


def test_passes_the_state_of_an_older_release() -> None:
    # transformers 4.36 to 4.40: no `stateful_callbacks`, no `best_global_step`.
    edits = {STATE: {"/best_global_step": DELETE, "/stateful_callbacks": DELETE}}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_when_an_older_key_is_missing() -> None:
    edits = {STATE: {"/epoch": DELETE, "/save_steps": DELETE}}
    assert found(RULE, healthy(json_edits=edits)) == [
        finding(
            RULE,
            WARNING,
            "`epoch` and `save_steps` are missing, which every release of Transformers that writes "
            "`best_global_step` writes too",
            STATE,
            expected="all keys of one release",
            observed="18 keys",
        )
    ]


def test_cannot_look_at_the_state_of_another_program() -> None:
    other = json.dumps({"epoch": 1, "best_acc": 0.9}).encode()
    assert reasons(RULE, memory_snapshot("test", {"trainer_state.json": other})) == [
        "the file does not have the keys of Transformers' Trainer"
    ]
