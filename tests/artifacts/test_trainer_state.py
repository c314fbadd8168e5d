import contextlib
import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.artifacts.trainer_state import TrainerState
from auditor.errors import CannotRead
from tests.builders.blobs import blob, json_blob

# The trainer_state.json of a real checkpoint-450, written by transformers 4.51; total_flos as spelled there.
REAL = """{
  "best_global_step": null, "best_metric": null, "best_model_checkpoint": null, "epoch": 1.0,
  "eval_steps": 500,
  "global_step": 450, "is_hyper_param_search": false, "is_local_process_zero": true,
  "is_world_process_zero": true, "log_history": [], "logging_steps": -450, "max_steps": 450,
  "num_input_tokens_seen": 0, "num_train_epochs": 1, "save_steps": 500,
  "stateful_callbacks": {"TrainerControl": {"args": {"should_epoch_stop": false, "should_evaluate": false,
    "should_log": false, "should_save": true, "should_training_stop": true}, "attributes": {}}},
  "total_flos": 1.0138086088704e+16, "train_batch_size": 1, "trial_name": null, "trial_params": null
}"""


def state(**values: object) -> TrainerState:
    return TrainerState.parse(json_blob(values, "run/checkpoint-2/trainer_state.json"))


def test_reads_a_real_file() -> None:
    read = TrainerState.parse(blob(REAL))
    assert (read.global_step, read.max_steps, read.epoch, read.num_train_epochs) == (450, 450, 1.0, 1)
    assert (read.logging_steps, read.save_steps, read.eval_steps, read.train_batch_size) == (
        -450,
        500,
        500,
        1,
    )
    assert (read.log_history, read.row_keys, read.best_metric) == ((), frozenset(), None)
    assert read.control == {
        "should_epoch_stop": False,
        "should_evaluate": False,
        "should_log": False,
        "should_save": True,
        "should_training_stop": True,
    }
    assert read.callbacks == ("TrainerControl",)
    assert len(read.keys) == 20
    assert read.type_errors == ()


def test_total_flos_is_exact() -> None:
    read = TrainerState.parse(blob(REAL))
    # 6 x 3,666,842,480 parameters x 460,800 tokens.
    assert read.total_flos == 6 * 3_666_842_480 * 460_800
    assert isinstance(read.total_flos, int)


@pytest.mark.parametrize(
    "spelling", ["10138086088704000", "9007199254740993", "1.5", "0.0", "0", "-2.0", "1e300"]
)
def test_any_spelling_of_total_flos_is_read_beside_rows_that_hold_one(spelling: str) -> None:
    row = '{"step": 3, "total_flos": 77.5}'
    read = TrainerState.parse(blob(f'{{"log_history": [{row}], "total_flos" : {spelling}}}'))
    assert read.total_flos == json.loads(spelling)


def test_no_total_flos() -> None:
    assert state().total_flos is None
    assert math.isnan(TrainerState.parse(blob('{"total_flos": NaN}')).total_flos or 0)


def test_logged_gives_numbers_in_file_order() -> None:
    rows = [
        {"step": 2, "loss": 1.5},
        {"step": 1, "loss": 2},
        {"step": 2, "eval_loss": 1},
        {"step": 3, "loss": "x"},
    ]
    assert state(log_history=rows).logged("loss") == ((2, 1.5), (1, 2.0))


def test_rows_with_nan_are_the_same_rows() -> None:
    text = '{"log_history": [{"loss": NaN, "step": 1}, {"step": 2, "grad_norm": Infinity}]}'
    one, other = TrainerState.parse(blob(text)), TrainerState.parse(blob(text))
    assert one.begins_with(other)
    assert one.row_hashes() == other.row_hashes()
    assert one == other


ROWS = st.lists(
    st.dictionaries(
        st.sampled_from(["step", "loss", "x"]), st.floats() | st.integers(0, 9) | st.just([1]), min_size=1
    ),
    max_size=4,
)


@given(ROWS, ROWS)
def test_rows_are_compared_by_value_in_their_order(
    rows: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    """Against the rows' JSON with sorted keys and numbers as floats, which tells NaN from no NaN only."""

    def texts(found: list[dict[str, Any]]) -> list[str]:
        values = [{k: v if isinstance(v, list) else v + 0.0 for k, v in row.items()} for row in found]
        return [json.dumps(row, sort_keys=True) for row in values]

    earlier, later = state(log_history=rows), state(log_history=rows + more)
    assert later.begins_with(earlier)
    assert later.row_hashes() >= earlier.row_hashes()
    other = state(log_history=more)
    mine, theirs = texts(rows), texts(more)
    expected = next((at for at, text in enumerate(mine) if at >= len(theirs) or theirs[at] != text), None)
    assert other.first_difference(earlier) == expected
    assert (other.row_hashes() == earlier.row_hashes()) == (set(mine) == set(theirs))


def test_keys_of_rows() -> None:
    assert state(log_history=[{"step": 1, "loss": 2}, {"eval_loss": 1}]).row_keys == {
        "step",
        "loss",
        "eval_loss",
    }


def test_what_is_worked_out_is_no_part_of_a_state() -> None:
    one, other = state(log_history=[{"step": 1, "loss": 2.0}]), state(log_history=[{"step": 1, "loss": 2.0}])
    assert one.logged("loss") is one.logged("loss")
    assert one.begins_with(other)
    assert one == other
    assert repr(one) == repr(other)
    assert replace(one, log_history=({"step": 2, "loss": 3.0},)).logged("loss") == ((2, 3.0),)


def test_facts_hold_scalars_rows_and_flags() -> None:
    read = state(
        global_step=4,
        is_world_process_zero=True,
        log_history=[{"step": 2, "loss": 1.25, "train_runtime": 3.5}, {"loss": 9}],
        stateful_callbacks={"TrainerControl": {"args": {"should_save": True}}, "EarlyStoppingCallback": {}},
    )
    facts = read.facts()
    assert facts["global_step"].value == 4
    assert (facts["loss@2"].value, facts["loss@2"].rtol) == (1.25, 1e-6)
    assert facts["train_runtime@2"].ignorable
    assert facts["is_world_process_zero"].ignorable
    assert facts["control.should_save"].value is True
    assert read.callbacks == ("TrainerControl", "EarlyStoppingCallback")
    assert len(facts) == 5


@pytest.mark.parametrize(
    ("values", "pointer", "word"),
    [
        ({"global_step": "450"}, "/global_step", "an integer"),
        ({"epoch": True}, "/epoch", "a number"),
        ({"log_history": {"step": 1}}, "/log_history", "an array of objects"),
        ({"log_history": [1]}, "/log_history", "an array of objects"),
        ({"stateful_callbacks": []}, "/stateful_callbacks", "an object"),
        ({"max_steps": 10**30}, "/max_steps", "an integer"),
    ],
)
def test_wrong_types_are_sentences(values: dict[str, object], pointer: str, word: str) -> None:
    ((where, sentence),) = state(**values).type_errors
    assert where == pointer
    assert sentence.endswith(f"expected {word}")


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"log_history": ' + b"[" * 5000, b"nul"])
def test_broken_files_cannot_be_read(data: bytes) -> None:
    with pytest.raises(CannotRead):
        TrainerState.parse(blob(data))


@pytest.mark.parametrize("depth", [900, 980, 990, 1000, 3000, 100_000])
def test_deep_rows_are_read_or_refused(depth: int) -> None:
    row = '{"step": 1, "x": ' + "[" * depth + "]" * depth + "}"
    with contextlib.suppress(CannotRead):
        assert TrainerState.parse(blob(f'{{"log_history": [{row}]}}')).logged("x") == ()
