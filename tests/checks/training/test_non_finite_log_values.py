from auditor.model import Snapshot
from tests.builders.pickles import make_scaler
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.training.parts import (
    ARGUMENTS,
    CONFIG,
    ROOT_STATE,
    SCALER,
    arguments,
    event_path,
    rows,
    stateless,
    with_rows,
)

RULE = "non-finite-log-values"
NAN = float("nan")


def with_norms(*bad: int, fp16: bool) -> Snapshot:
    history = rows(ROOT_STATE)
    for number in bad:
        history[number]["grad_norm"] = NAN
    data = {ARGUMENTS: arguments(fp16=fp16)}
    return healthy(
        json_edits={ROOT_STATE: {"/log_history": history}},
        data=data,
        without=["checkpoint-18/training_args.bin"],
    )


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails_for_a_loss() -> None:
    broken = rows(ROOT_STATE)
    broken[3]["loss"] = NAN
    broken[7]["loss"] = float("inf")
    assert found(RULE, with_rows(broken, ROOT_STATE)) == [
        finding(
            RULE,
            ERROR,
            "loss is not finite in 2 rows of 18, first at step 4",
            ROOT_STATE,
            "/log_history",
            expected="finite numbers",
            observed="2 NaN or infinite",
        )
    ]


def test_passes_one_overflow_of_the_gradient_under_fp16() -> None:
    assert found(RULE, with_norms(2, fp16=True)) == []


def test_fails_mildly_for_many_of_them_under_fp16() -> None:
    (only,) = found(RULE, with_norms(2, 3, fp16=True))
    assert only.severity is WARNING
    assert only.message == "grad_norm is not finite in 2 rows of 18, first at step 3"


def test_fails_mildly_for_one_without_fp16() -> None:
    (only,) = found(RULE, with_norms(2, fp16=False))
    assert only.severity is WARNING


def test_passes_one_where_only_scaler_pt_tells_the_precision() -> None:
    history = rows(ROOT_STATE)
    history[2]["grad_norm"] = NAN
    gone = [f"{folder}training_args.bin" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
    snapshot = healthy(
        json_edits={ROOT_STATE: {"/log_history": history}},
        data={SCALER: make_scaler()},
        without=[*gone, CONFIG, event_path()],
    )
    assert found(RULE, snapshot) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == ["no trainer_state.json was read"]
