import pytest

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "base-path-differs-from-declared"
CONFIG = "adapter_config.json"
DECLARED = "cheetah-fine-tuning-config.json"
PLACE = "/base_model_name_or_path"
ALONE = ["checkpoint-9/", "checkpoint-18/"]


def recorded(name: object) -> dict[str, dict[str, object]]:
    return {CONFIG: {PLACE: name}}


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


@pytest.mark.parametrize(
    "name",
    [
        "google/gemma-3-4b-it",
        "/cheetah/input/model/groupuser/gemma-3-4b-it/",
        "unsloth/gemma-3-4b-it-bnb-4bit",
    ],
)
def test_passes_other_spellings_of_one_model(name: str) -> None:
    assert found(RULE, seed(json_edits=recorded(name), without=["checkpoint-450/"])) == []


def test_fails_for_two_paths() -> None:
    other, declared = (
        "/cheetah/input/model/groupuser/gemma-3-1b-it",
        "/cheetah/input/model/groupuser/gemma-3-4b-it",
    )
    assert found(RULE, seed(json_edits=recorded(other), without=["checkpoint-450/"])) == [
        finding(
            RULE,
            ERROR,
            f"the adapter was trained on {other}, and the declared base model is {declared}",
            CONFIG,
            PLACE,
            expected=declared,
            observed=other,
        )
    ]


def test_fails_mildly_for_a_hub_id_and_a_path_that_share_no_name() -> None:
    (only,) = found(RULE, seed(json_edits=recorded("google/gemma-3-1b-it"), without=["checkpoint-450/"]))
    assert only.severity is WARNING


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(without=[DECLARED])) == ["no declared training config was found"]
    assert reasons(RULE, healthy(json_edits=recorded(None), without=ALONE)) == [
        "the base model is not named in both the declared config and adapter_config.json"
    ]
    assert reasons(RULE, healthy(json_edits=recorded("/opt/input/model"), without=ALONE)) == [
        "one of the two names is a folder that says nothing about the model"
    ]
