from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import (
    ROOT_STATE,
    STATES,
    event_path,
    events,
    rows,
    scalars,
    with_events,
    with_rows,
)

RULE = "evaluation-without-loss"
SAYS = "evaluation was logged without a loss or any other metric"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_with_a_loss_in_either_file() -> None:
    row = {"epoch": 1.0, "eval_runtime": 0.1, "eval_loss": 6.0, "step": 18}
    snapshot = with_rows([*rows(ROOT_STATE), row], ROOT_STATE)
    assert found(RULE, snapshot) == []


def test_passes_metrics_of_its_own() -> None:
    assert (
        found(RULE, with_events(events({**scalars(), "eval/runtime": [(18, 1.0)], "eval/wer": [(18, 0.2)]})))
        == []
    )


def test_fails_by_the_event_file() -> None:
    series = {**scalars(), "eval/runtime": [(18, 1.0)], "eval/samples_per_second": [(18, 9.0)]}
    assert found(RULE, with_events(events(series))) == [
        finding(
            RULE,
            WARNING,
            SAYS,
            event_path(),
            expected="eval_loss",
            observed="eval_runtime, eval_samples_per_second",
        )
    ]


def test_fails_by_the_log_history() -> None:
    row = {"epoch": 1.0, "eval_runtime": 0.1, "step": 18}
    (only,) = found(RULE, with_rows([*rows(ROOT_STATE), row], ROOT_STATE))
    assert only.at.path == ROOT_STATE


def test_says_when_it_cannot_look() -> None:
    skip = "neither an event file nor a trainer_state.json was read"
    assert reasons(RULE, healthy(without=[*STATES, event_path()])) == [skip]
