import json

from auditor.model import Snapshot
from tests.builders.repositories import contents, healthy
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import ROOT_STATE

RULE = "results-differ-from-log"
RESULTS = "train_results.json"
ROWS = json.loads(contents("tiny", "candidate")[0][ROOT_STATE])["log_history"]
(SUMMARY,) = [row for row in ROWS if "train_loss" in row]


def with_results(name: str = RESULTS, **values: object) -> Snapshot:
    saved = {key: value for key, value in SUMMARY.items() if key != "step"}
    return healthy(text={name: json.dumps(saved | values)})


def test_passes_the_same_numbers() -> None:
    assert found(RULE, with_results()) == []
    assert found(RULE, with_results("all_results.json", eval_loss=0.5, train_samples=9)) == []


def test_passes_a_rounded_epoch() -> None:
    """Old releases round it to two digits, and an evaluation afterwards writes its own."""
    assert found(RULE, with_results(epoch=round(SUMMARY["epoch"] + 0.004, 2))) == []


def test_passes_when_one_of_several_summaries_agrees() -> None:
    rows = [*ROWS, {**SUMMARY, "train_loss": 1.0, "train_runtime": 2.0, "total_flos": 3.0}]
    edits = {ROOT_STATE: {"/log_history": rows}}
    saved = {key: value for key, value in SUMMARY.items() if key != "step"}
    assert found(RULE, healthy(text={RESULTS: json.dumps(saved)}, json_edits=edits)) == []


def test_fails_for_another_loss() -> None:
    assert found(RULE, with_results(train_loss=0.5)) == [
        finding(
            RULE,
            WARNING,
            f"train_loss is 0.5 here and {SUMMARY['train_loss']!r} in {ROOT_STATE}",
            RESULTS,
            "/train_loss",
            expected=str(SUMMARY["train_loss"]),
            observed="0.5",
        )
    ]


def test_fails_once_for_another_run() -> None:
    (item,) = found(RULE, with_results(train_loss=0.5, total_flos=1.0, train_runtime=2.0))
    assert item.evidence == ("train_loss, total_flos, train_runtime differ",)


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy(text={"all_results.json": '{"eval_loss": 0.5}'})) == [
        "all_results.json holds no train_loss"
    ]
    short = {ROOT_STATE: {"/log_history": ROWS[:3]}}
    assert reasons(RULE, healthy(text={RESULTS: json.dumps(SUMMARY)}, json_edits=short)) == [
        f"{ROOT_STATE} holds no summary of the training"
    ]
