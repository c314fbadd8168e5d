import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.checks.training.events_differ_from_log_history import are_same, tag_of
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.training.parts import (
    ROOT_STATE,
    edits,
    event_path,
    events,
    rows,
    scalars,
    with_events,
    with_rows,
)

RULE = "events-differ-from-log-history"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_step_that_only_one_of_them_has() -> None:
    """A file that begins late, as that of a resumed run does, and a series that no row has."""
    late = {tag: points[3:] for tag, points in scalars().items() if len(points) > 3}
    assert found(RULE, with_events(events(late))) == []
    assert found(RULE, with_events(events({**scalars(), "train/more": [(4, 1.0)]}))) == []


def test_fails_for_one_number_of_a_row_that_moved_to_another_step() -> None:
    series = scalars()
    series["train/loss"][3] = (5, series["train/loss"][3][1])
    (only,) = found(RULE, with_events(events(series)))
    assert (only.at.member, only.observed) == ("train/loss at step 4", "none")


def test_fails() -> None:
    # The honest loss of step 5 is 6.359683513641357; 1e-5 more is above 1e-6 of it.
    series = scalars()
    series["train/loss"][4] = (5, 6.359747)
    series["train/grad_norm"][9] = (10, 2.0)
    (only,) = found(RULE, with_events(events(series)))
    assert only == finding(
        RULE,
        ERROR,
        # 18 rows of four numbers besides the step, and a last row of six.
        "the event file and trainer_state.json disagree on 2 of 78 numbers, first train/loss at step 5",
        event_path(),
        "train/loss at step 5",
        expected="6.35968351",
        observed="6.35974693",
    )


def test_one_number_edited_in_a_checkpoint_alone_is_found_there() -> None:
    """The root's log agrees with the event file, so the checkpoint's is the odd one."""
    snapshot = healthy(json_edits={"checkpoint-18/trainer_state.json": {"/log_history/6/loss": 6.1}})
    (only,) = found(RULE, snapshot)
    assert only == finding(
        RULE,
        ERROR,
        "the event file and checkpoint-18/trainer_state.json disagree on 1 of 72 numbers, first train/loss at step 7",
        event_path(),
        "train/loss at step 7",
        expected="6.1",
        observed="6.17621231",
    )


def test_fails_for_a_second_value_that_no_row_has() -> None:
    """The last step has two rows and two epochs; one of them alone is edited."""
    series = scalars()
    series["train/epoch"][18] = (18, 2.0)
    (only,) = found(RULE, with_events(events(series)))
    assert (only.at.member, only.expected, only.observed) == ("train/epoch at step 18", "1", "2")


def test_fails_for_a_total_that_its_row_lost() -> None:
    history = rows(ROOT_STATE)
    del history[-1]["train_loss"]
    (only,) = found(RULE, with_rows(history, ROOT_STATE))
    assert (only.at.member, only.expected) == ("train/train_loss at step 18", "none")


def test_passes_rows_with_a_runtime_each_as_counting_tokens_leaves_them() -> None:
    """The checkpoint's last row has a runtime, and its run's totals are logged after it was saved."""
    states: dict[str, dict[str, object]] = {}
    for path in ("checkpoint-18/trainer_state.json", ROOT_STATE):
        history = rows(path)
        last = max(number for number, row in enumerate(history) if "loss" in row)
        history[last] = {**history[last], "train_runtime": 1.5, "num_input_tokens_seen": 2304}
        kept = history if path == ROOT_STATE else history[: last + 1]
        states |= edits(path, log_history=kept)
    series = scalars()
    series["train/train_runtime"].insert(0, (18, 1.5))
    assert found(RULE, healthy(json_edits=states, data={event_path(): events(series)})) == []


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_rounding_to_float32_is_no_difference(value: float) -> None:
    try:
        rounded = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        rounded = float("inf")
    assert are_same(value, rounded)


@pytest.mark.parametrize(
    ("key", "tag"),
    [
        ("loss", "train/loss"),
        ("eval_loss", "eval/loss"),
        ("test_runtime", "test/runtime"),
        ("evaluation", "train/evaluation"),
    ],
)
def test_names_of_series(key: str, tag: str) -> None:
    assert tag_of(key) == tag


EVALUATIONS = "runs/Jan15_09-00-07_tiny-trainer/events.out.tfevents.1768460999.tiny-trainer.1.1"
"""What `evaluate` after training writes: the writer of the training is closed by then."""


def test_an_evaluation_after_training_hides_nothing() -> None:
    after = events({"eval/loss": [(18, 6.0)], "eval/runtime": [(18, 0.5)], "train/epoch": [(18, 1.0)]})
    assert found(RULE, healthy(data={EVALUATIONS: after})) == []
    edited = edits(
        ROOT_STATE, log_history=[{**row, "loss": 1.0} if "loss" in row else row for row in rows(ROOT_STATE)]
    )
    (only,) = found(RULE, healthy(data={EVALUATIONS: after}, json_edits=edited))
    assert (only.severity, only.at.path, only.at.member) == (ERROR, event_path(), "train/loss at step 1")


def test_the_row_of_an_evaluation_after_training_is_looked_for_in_its_file() -> None:
    """The root's state is saved after ``evaluate``, whose file may be elsewhere: then its row alone is let be."""
    last: dict[str, object] = {"step": 18, "epoch": 1.0, "eval_loss": 6.0, "eval_runtime": 0.5}
    history = [*rows(ROOT_STATE), {**last, "eval_loss": 6.5}, last]
    state = edits(ROOT_STATE, log_history=history)
    series = {**scalars(), "eval/loss": [(18, 6.5)], "eval/runtime": [(18, 0.5)]}
    training = events(series)
    assert found(RULE, healthy(json_edits=state, data={event_path(): training})) == []
    for loss, count in ((6.0, 0), (5.0, 1)):
        after = events({"eval/loss": [(18, loss)], "eval/runtime": [(18, 0.5)], "train/epoch": [(18, 1.0)]})
        files = {event_path(): training, EVALUATIONS: after}
        assert len(found(RULE, healthy(json_edits=state, data=files))) == count


def test_a_resumed_run_has_each_number_in_one_of_its_files() -> None:
    """The steps 10 to 18 were made twice; log_history has those of the second time."""
    first = {tag: [(step, value + (step > 9)) for step, value in points] for tag, points in scalars().items()}
    again = {tag: [point for point in points if point[0] > 9] for tag, points in scalars().items()}
    both = {event_path(): events(first), EVALUATIONS: events(again)}
    assert found(RULE, healthy(data=both)) == []
    edited = edits(
        ROOT_STATE, log_history=[{**row, "loss": 1.0} if "loss" in row else row for row in rows(ROOT_STATE)]
    )
    (only,) = found(RULE, healthy(data=both, json_edits=edited))
    assert only.severity == WARNING
    assert only.message.startswith("all of the 2 event files and trainer_state.json disagree on 18 of ")


def test_says_when_it_cannot_look() -> None:
    skip = "the run has no event file with training scalars and a log_history with rows"
    assert reasons(RULE, seed()) == [skip]
    assert reasons(RULE, healthy(without=[event_path()])) == [skip]
