from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import NO_STATE, STATE, edits, rows, state, stateless

RULE = "best-metric-not-logged"


def evaluated(**best: object) -> dict[str, object]:
    """A history with an evaluation of 5.5 at step 9, and what is said to be best."""
    row = {"epoch": 0.5, "eval_loss": 5.5, "eval_runtime": 1.0, "step": 9}
    return {"log_history": [*rows()[:9], row, *rows()[9:]], **best}


def with_values(values: dict[str, object]) -> Snapshot:
    """The honest repository with these in the last checkpoint's state."""
    return healthy(json_edits=edits(STATE, **values))


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_the_value_of_an_evaluation() -> None:
    best = evaluated(best_metric=5.5, best_global_step=9, best_model_checkpoint="/out/checkpoint-9")
    assert found(RULE, with_values(best)) == []


def test_passes_a_value_rounded_to_eight_digits() -> None:
    """ms-swift 4.6.0: 4.4221649169921875 was logged, and best_metric is 4.42216492."""
    history = evaluated(best_metric=4.42216492, best_global_step=9)
    history["log_history"][9]["eval_loss"] = 4.4221649169921875  # type: ignore[index]
    assert found(RULE, with_values(history)) == []
    history["best_metric"] = 4.4221649
    assert len(found(RULE, with_values(history))) == 1


def test_passes_a_best_step_without_a_checkpoint() -> None:
    assert found(RULE, with_values(evaluated(best_metric=5.5, best_global_step=9))) == []


def test_fails() -> None:
    assert found(RULE, with_values(evaluated(best_metric=5.4, best_global_step=9))) == [
        finding(
            RULE,
            WARNING,
            f"best_metric of {STATE} is 5.4, which no evaluation in log_history gave",
            STATE,
            "/best_metric",
            expected="a value of an eval_ row in log_history",
            observed="5.4",
        )
    ]


def test_fails_for_another_step_and_for_a_checkpoint_without_a_value() -> None:
    (only,) = found(RULE, with_values(evaluated(best_metric=5.5, best_global_step=18)))
    assert (only.expected, only.observed) == ("step 9, which logged 5.5", "18")
    (only,) = found(RULE, state(best_model_checkpoint="/out/checkpoint-9"))
    assert only.at.member == "/best_model_checkpoint"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == [NO_STATE]
