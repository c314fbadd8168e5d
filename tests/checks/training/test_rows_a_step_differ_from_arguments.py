"""The honest run: 36 rows of one epoch, 2 a step (micro-batch 1, accumulation 2), 18 steps in 0.505 seconds."""

import json

import pytest

from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import ROOT_STATE, STATES, arguments, edits, event_path, everywhere, rows

RULE = "rows-a-step-differ-from-arguments"


def asked(**values: object) -> Snapshot:
    return healthy(data=everywhere(arguments(**values)))


def ended(samples: float, steps: float, seconds: float) -> dict[str, dict[str, object]]:
    """The root's state with other rates in its last row."""
    rates = {"train_samples_per_second": samples, "train_steps_per_second": steps, "train_runtime": seconds}
    *history, last = rows(ROOT_STATE)
    return edits(ROOT_STATE, log_history=[*history, {**last, **rates}])


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_for_another_accumulation() -> None:
    """By the clock of the fixture: 36 rows and 18 steps in 0.505 s, 71.292 / 35.646 = 2."""
    assert found(RULE, asked(gradient_accumulation_steps=4)) == [
        finding(
            RULE,
            WARNING,
            "71.292 samples and 35.646 steps a second are 2 rows a step, and training_args.bin gives 4",
            ROOT_STATE,
            "/log_history",
            expected="4 = 1 (micro-batch) x 4 (accumulation)",
            observed="2",
        )
    ]


def test_fails_for_another_micro_batch_that_the_states_say_too() -> None:
    states: dict[str, dict[str, object]] = {path: {"/train_batch_size": 2} for path in STATES}
    data = everywhere(arguments(per_device_train_batch_size=2))
    (only,) = found(RULE, healthy(json_edits=states, data=data))
    assert only.expected == "4 = 2 (micro-batch) x 2 (accumulation)"


def test_passes_a_run_that_was_resumed_with_another_micro_batch_of_as_many_rows() -> None:
    """The state that resuming loads keeps the batch of before (batch-size-differs-from-arguments)."""
    halved = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 1}
    assert found(RULE, asked(**halved)) == []
    assert len(found(RULE, asked(**halved, auto_find_batch_size=True))) == 1
    assert len(found(RULE, asked(per_device_train_batch_size=2, gradient_accumulation_steps=4))) == 1


@pytest.mark.parametrize(("cards", "count"), [(0, 0), (1, 0), (2, 1)])
def test_several_gpus_of_one_process_multiply_the_batch_where_no_state_tells_it(
    cards: int, count: int
) -> None:
    states: dict[str, dict[str, object]] = {path: {"/train_batch_size": None} for path in STATES}
    assert len(found(RULE, healthy(json_edits=states, data=everywhere(arguments(_n_gpu=cards))))) == count
    unknown = healthy(json_edits=states, data=everywhere(arguments(_n_gpu=None)))
    assert reasons(RULE, unknown) == ["batch or accumulation is not known"]


@pytest.mark.parametrize(("examples", "count"), [(35, 0), (36, 0), (31, 1), (48, 1)])
def test_an_epoch_may_end_in_a_smaller_step(examples: int, count: int) -> None:
    """35 rows make 17 steps of two and one of one; 31 would make 16, and 48 would make 24."""
    state = ended(round(examples / 9.0, 3), 2.0, 9.0)
    assert len(found(RULE, healthy(json_edits=state, without=[event_path()]))) == count


@pytest.mark.parametrize(("rows_of_step", "count"), [(2.0, 0), (1.99, 1), (2.01, 1)])
def test_with_max_steps_the_quotient_is_exact(rows_of_step: float, count: int) -> None:
    state = ended(round(18 * rows_of_step / 36.0, 3), 0.5, 36.0)
    data = everywhere(arguments(max_steps=18))
    assert len(found(RULE, healthy(json_edits=state, data=data, without=[event_path()]))) == count


def test_fails_by_the_rates_of_results_and_of_the_event_file_too() -> None:
    data = everywhere(arguments(gradient_accumulation_steps=4))
    (only,) = found(RULE, healthy(data=data, without=[ROOT_STATE]))
    assert (only.at.path, only.observed) == (event_path(), "2")
    results = {
        key: rows(ROOT_STATE)[-1][key] for key in ("train_samples_per_second", "train_steps_per_second")
    }
    files = {**data, "train_results.json": json.dumps(results).encode()}
    (only,) = found(RULE, healthy(data=files, without=[ROOT_STATE]))
    assert only.at.path == "train_results.json"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["no training_args.bin was read"]
    bare = healthy(without=[ROOT_STATE, event_path()])
    assert reasons(RULE, bare) == ["no log has the rates of a whole training"]
    slow = healthy(json_edits=ended(0.0004, 0.0002, 90_000.0), without=[event_path()])
    assert reasons(RULE, slow) == ["the rates are too small for their three digits"]
    generated = "a trainer that generates repeats its prompts within an epoch"
    assert reasons(RULE, asked(num_generations=2)) == [generated]
    packed = "packed rows are counted as examples, and not as rows of a step"
    assert reasons(RULE, asked(sample_packing=True)) == [packed]
    assert len(found(RULE, asked(sample_packing=True, max_steps=18, gradient_accumulation_steps=4))) == 1
    ranks = {f"checkpoint-{step}/rng_state_{rank}.pth": b"" for step in (9, 18) for rank in (0, 1)}
    several = healthy(data=ranks, without=["checkpoint-9/rng_state.pth", "checkpoint-18/rng_state.pth"])
    assert reasons(RULE, several) == ["whether one process trained is not known"]
    own = {"training_args.bin": arguments(gradient_accumulation_steps=4)}
    assert reasons(RULE, healthy(data=own)) == [
        "the copies of the arguments differ (training-arguments-differ)"
    ]
    states: dict[str, dict[str, object]] = {path: {"/train_batch_size": None} for path in STATES}
    none = healthy(json_edits=states, data=everywhere(arguments(per_device_train_batch_size=None)))
    assert reasons(RULE, none) == ["batch or accumulation is not known"]
    epochs = {path: {"/num_train_epochs": 18} for path in STATES}
    assert reasons(RULE, healthy(json_edits=epochs)) == ["an epoch has too few steps"]
