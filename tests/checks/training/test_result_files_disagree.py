import json
from collections.abc import Mapping

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


def test_says_when_it_cannot_look() -> None:
    none = "no all_results.json is beside the results of a split"
    assert reasons(RULE, seed()) == [none]
    assert reasons(RULE, saved(all={"eval_loss": 0.5})) == [none]
