import json
from collections.abc import Mapping

import pytest

from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "result-files-disagree"


def saved(**files: Mapping[str, object]) -> Snapshot:
    return healthy(
        data={f"{name}_results.json": json.dumps(values).encode() for name, values in files.items()}
    )


def test_passes() -> None:
    evaluation = {"eval_loss": 0.7, "epoch": 1.0, "eval_nan": float("nan")}
    combined = {**evaluation, "train_loss": 0.5, "epoch": 2.0}
    assert found(RULE, saved(train={"train_loss": 0.5}, eval=evaluation, all=combined)) == []


def test_fails() -> None:
    files = {"eval": {"eval_loss": 0.7}, "all": {"eval_loss": 0.5}}
    assert found(RULE, saved(**files)) == [
        finding(
            RULE,
            WARNING,
            "all_results.json and eval_results.json disagree on eval_loss",
            "all_results.json",
            "/eval_loss",
            expected="0.7",
            observed="0.5",
        )
    ]


def test_fails_as_a_note_for_another_evaluation_under_the_same_names() -> None:
    """`save_metrics("test", trainer.evaluate(test))` writes all_results.json over, times included."""
    first, second = {"eval_loss": 0.7, "eval_runtime": 1.5}, {"eval_loss": 0.5, "eval_runtime": 2.25}
    (only,) = found(RULE, saved(eval=first, all=second))
    assert (only.severity, only.message.endswith("eval_loss and eval_runtime")) == (NOTE, True)


@pytest.mark.parametrize("split", ["test", "predict"])
def test_fails_for_another_split(split: str) -> None:
    """As `save_metrics` writes them (transformers 5.23.0): what `predict(..., metric_key_prefix=split)` returned."""
    metrics = {f"{split}_loss": 0.7, f"{split}_runtime": 1.5, "epoch": 1.0}
    assert found(RULE, saved(**{split: metrics, "all": {**metrics, "epoch": 2.0}})) == []
    (only,) = found(RULE, saved(**{split: metrics, "all": {**metrics, f"{split}_loss": 0.5}}))
    assert (only.severity, only.expected, only.observed) == (WARNING, "0.7", "0.5")
    (only,) = found(RULE, saved(**{split: metrics, "all": {f"{split}_loss": 0.5, f"{split}_runtime": 2.0}}))
    assert only.severity == NOTE


def test_passes_a_script_s_own_results() -> None:
    """Its accuracy may be of other rows than the one that another script put into all_results.json."""
    files = {"test": {"accuracy": 0.7}, "all": {"accuracy": 0.5, "eval_runtime": 2.0}}
    assert reasons(RULE, saved(**files)) == [
        "test_results.json shares no runtime with all_results.json, and may be a script's own"
    ]


def test_says_when_it_cannot_look() -> None:
    none = "no all_results.json is beside the results of a split"
    assert reasons(RULE, seed()) == [none]
    assert reasons(RULE, saved(all={"eval_loss": 0.5})) == [none]
