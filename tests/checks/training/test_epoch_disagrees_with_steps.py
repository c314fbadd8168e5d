import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks.training.epoch_disagrees_with_steps import check
from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import EARLY, ROOT_STATE, STATE, state

RULE = "epoch-disagrees-with-steps"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails() -> None:
    # Step 18 of 18 in one epoch is epoch 1.
    assert found(RULE, state(epoch=2.0)) == [
        finding(
            RULE,
            WARNING,
            "step 18 of 18 lies at epoch 1 of 1, and the state says 2",
            STATE,
            "/epoch",
            expected="1",
            observed="2",
        )
    ]


def test_fails_for_an_epoch_that_is_too_early() -> None:
    (only,) = found(RULE, state(num_train_epochs=3, max_steps=54, global_step=50, epoch=1.0))
    assert only.expected == "2.77778"


def made(step: int, limit: int, epochs: int, epoch: float) -> TrainerState:
    raw: dict[str, object] = {}
    return TrainerState("s", raw, frozenset(), step, limit, epoch, epochs)


@given(
    rows=st.integers(1, 5000),
    batch=st.integers(1, 16),
    accumulation=st.integers(1, 16),
    epochs=st.integers(1, 5),
    older=st.booleans(),
    share=st.floats(0, 1),
)
def test_passes_what_a_trainer_counts(
    rows: int, batch: int, accumulation: int, epochs: int, older: bool, share: float
) -> None:
    # Trainer: steps of an epoch are floor (until 4.51) or ceil (from 4.52) of batches / accumulation; the epoch is
    # micro-batches / batches.
    batches = -(-rows // batch)
    steps = max(batches // accumulation, 1) if older else -(-batches // accumulation)
    limit = steps * epochs
    step = max(1, round(share * limit))
    whole, rest = divmod(step, steps)
    epoch = whole + min(rest * accumulation, batches) / batches
    if older and rest == 0 and steps * accumulation < batches:
        epoch = whole - 1 + steps * accumulation / batches
    assert list(check(made(step, limit, epochs, epoch), None)) == []


@pytest.mark.parametrize(("step", "epoch"), [(100, 0.27), (375, 1.0), (376, 1.0)])
def test_passes_a_run_that_was_given_max_steps(step: int, epoch: float) -> None:
    # 375 steps an epoch: max_steps 100 reaches into epoch 1, max_steps 376 into epoch 2.
    limit = 100 if step == 100 else 376
    assert list(check(made(step, limit, 1 if step == 100 else 2, epoch), None)) == []


def test_fails_for_another_epoch_than_the_row_of_the_same_step() -> None:
    """One step of 18 is 0.056 epochs, so 0.55 alone would pass; the row of step 9 says 0.5."""
    (only,) = found(RULE, healthy(json_edits={EARLY: {"/epoch": 0.55}}))
    assert (only.expected, only.observed) == ("0.5", "0.55")
    assert found(RULE, healthy(json_edits={EARLY: {"/epoch": 0.504}})) == []


def test_says_when_it_cannot_look() -> None:
    endless = 2**63 - 1
    edits = {path: {"/num_train_epochs": endless} for path in (ROOT_STATE, EARLY, STATE)}
    assert (
        reasons(RULE, healthy(json_edits=edits))
        == ["the number of epochs is not one of a finite dataset"] * 3
    )
    gone = {path: {"/epoch": DELETE} for path in (ROOT_STATE, EARLY, STATE)}
    missing = "the state records no epoch, no max_steps or no number of epochs"
    assert reasons(RULE, healthy(json_edits=gone)) == [missing] * 3


def test_passes_tiny_data_whose_remainder_makes_a_step_of_its_own() -> None:
    """Seen in a public repository: 5 full updates and a remainder an epoch, so that 60 steps are 10 epochs, not 12."""
    tiny = {"/global_step": 60, "/max_steps": 60, "/num_train_epochs": 12, "/epoch": 10.0, "/log_history": []}
    assert found(RULE, healthy(json_edits={STATE: tiny})) == []
