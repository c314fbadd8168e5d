import pytest

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import EARLY, ROOT_STATE, STATE, event_path, rows, with_rows

RULE = "loss-history-not-continued"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_not_a_number() -> None:
    history = rows(STATE)
    history[2]["grad_norm"] = float("nan")
    later = rows(ROOT_STATE)
    later[2]["grad_norm"] = float("nan")
    early = rows(EARLY)
    early[2]["grad_norm"] = float("nan")
    edits: dict[str, dict[str, object]] = {
        STATE: {"/log_history": history},
        ROOT_STATE: {"/log_history": later},
        EARLY: {"/log_history": early},
    }
    assert found(RULE, healthy(json_edits=edits)) == []


def test_passes_a_number_that_the_event_file_has_too() -> None:
    """The rule that compares with it names the odd copy."""
    other = rows(ROOT_STATE)
    other[12]["loss"] = 5.0
    assert found(RULE, with_rows(other, ROOT_STATE)) == []


def test_fails_for_an_earlier_checkpoint() -> None:
    early = rows(EARLY)
    del early[3]
    (only,) = found(RULE, with_rows(early, EARLY))
    assert only.message == f"the rows of {STATE} do not begin with those of {EARLY}"


def test_fails_for_a_final_state_of_another_run() -> None:
    other = rows(ROOT_STATE)
    other[12]["loss"] = 5.0
    edits: dict[str, dict[str, object]] = {ROOT_STATE: {"/log_history": other}}
    assert found(RULE, healthy(json_edits=edits, without=[event_path()])) == [
        finding(
            RULE,
            WARNING,
            "the rows of trainer_state.json do not begin with those of checkpoint-18/trainer_state.json",
            ROOT_STATE,
            "/log_history",
            expected="the 18 rows of checkpoint-18 first",
            observed="row 12 differs",
        )
    ]


@pytest.mark.parametrize("odd", [[], {}, [[5]], "5", None])
def test_fails_for_a_step_that_is_no_number(odd: object) -> None:
    other = rows(ROOT_STATE)
    other[12]["step"] = odd
    (only,) = found(RULE, with_rows(other, ROOT_STATE))
    assert only.observed == "row 12 differs"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy(without=[STATE, EARLY])) == ["the run has no checkpoint with a state"]
