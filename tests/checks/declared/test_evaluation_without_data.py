import pytest

from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, TRAIN, at, declared, without_recipe
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "evaluation-without-data"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            'evaluation_strategy is "epoch", and neither a split nor a dataset for evaluation is declared',
            CONFIG,
            f"{TRAIN}/evaluation_strategy",
            expected="a declared evaluation split or dataset",
            observed="none",
            evidence=("no log that could be read shows that evaluation ran",),
        )
    ]


def test_fails_for_the_name_of_today() -> None:
    (only,) = found(RULE, declared(eval_strategy="steps", eval_steps=5, per_device_eval_batch_size=2))
    assert only.message.startswith('eval_strategy is "steps", and neither')


@pytest.mark.parametrize("key", ["valid_split", "eval_dataset_path", "test_size", "validation_file"])
def test_passes_where_a_key_names_the_data(key: str) -> None:
    edits: dict[str, object] = {f"/dataset/{key}": "validation", f"{TRAIN}/eval_strategy": "epoch"}
    assert found(RULE, at(edits)) == []


def test_passes_where_a_log_shows_that_evaluation_ran() -> None:
    row = {"epoch": 1.0, "eval_runtime": 0.2, "step": 18}
    edits: dict[str, dict[str, object]] = {
        CONFIG: {f"{TRAIN}/eval_strategy": "epoch"},
        "trainer_state.json": {"/log_history": [row]},
    }
    assert found(RULE, healthy(json_edits=edits)) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
