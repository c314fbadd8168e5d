"""Accumulation worked out from counts, against a loop that counts as the Trainer does."""

import json
import math
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.claims import build
from auditor.model import Setting
from auditor.rerun.planning import accumulation
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning.accumulation import KEY
from auditor.runs import Run, group, read
from auditor.sources.directory import memory_snapshot
from tests.builders.platforms import AXOLOTL
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

CHEETAH = "cheetah-fine-tuning-config.json"
ROOT = "trainer_state.json"


def trained(
    rows: int, batch: int, number: int, epochs: float, *, carried: bool, seconds: float
) -> dict[str, Any]:
    """trainer_state.json of a training, micro-batch by micro-batch, every step logged, full digits."""
    batches = math.ceil(rows / batch)
    each = max(1, batches // number if carried else math.ceil(batches / number))
    total = math.ceil(epochs * each)
    log: list[dict[str, float]] = []
    seen = held = 0
    while len(log) < total:
        seen += 1
        held += 1
        if held == number or ((not carried or batches <= number) and seen % batches == 0):
            held = 0
            log.append(
                {"step": len(log) + 1, "epoch": (seen - 1) // batches + ((seen - 1) % batches + 1) / batches}
            )
    log.append(
        {
            **log[-1],
            "train_runtime": round(seconds, 4),
            "train_samples_per_second": round(rows * epochs / seconds, 3),
            "train_steps_per_second": round(total / seconds, 3),
        }
    )
    return {
        "max_steps": total,
        "global_step": total,
        "num_train_epochs": math.ceil(epochs),
        "epoch": log[-1]["epoch"],
        "train_batch_size": batch,
        "log_history": log,
    }


def run_of(state: dict[str, Any]) -> Run:
    return group(read(memory_snapshot("x", {ROOT: json.dumps(state).encode()})))[0]


def known(batch: int, epochs: float) -> dict[str, Setting]:
    return {
        KEY: Setting(1, "no file says it", assumed=True),
        "per_device_train_batch_size": Setting(batch, ROOT),
        "num_train_epochs": Setting(epochs, ROOT),
    }


@settings(max_examples=120)
@given(
    rows=st.integers(20, 600),
    batch=st.integers(1, 4),
    number=st.sampled_from([1, 2, 3, 4, 8, 16]),
    epochs=st.sampled_from([1, 2, 3, 0.5]),
    carried=st.booleans(),
    seconds=st.floats(1, 5000),
    counted=st.booleans(),
    cut=st.sampled_from(["", "rates", "epochs", "digits"]),
)
def test_what_ran_is_among_what_fits(
    rows: int, batch: int, number: int, epochs: float, carried: bool, seconds: float, counted: bool, cut: str
) -> None:
    """With or without the last row's rates, logged epochs and their digits, and the rows of the data."""
    state = trained(rows, batch, number, epochs, carried=carried, seconds=seconds)
    if cut == "rates":
        state["log_history"].pop()
    if cut == "epochs":
        state["log_history"] = [
            {k: x for k, x in row.items() if k != "epoch"} for row in state["log_history"]
        ]
    if cut == "digits":
        for row in state["log_history"]:
            row["epoch"] = round(row["epoch"], 2)
    run, given_rows = run_of(state), rows if counted else None
    fits = accumulation.fitting(run, known(batch, epochs), given_rows, None)
    assert not fits.numbers or number in fits.numbers or math.ceil(rows / batch) < number
    if counted:
        assert fits.numbers


def undeclared(files: v.Files) -> v.Files:
    """The fixture without the files that say the accumulation: training_args.bin, the declared number, the events."""
    left = v.without(files, v.event_path(), *(path for path in files if path.endswith("training_args.bin")))
    return v.with_json(
        left, CHEETAH, lambda d: d["train_model_parameters"].pop("gradient_accumulation_steps")
    )


def test_the_rates_of_the_last_row_tell_it_alone() -> None:
    """71.292 samples and 35.646 steps a second: two micro-batches of one row a step, as the fixture was made."""
    files = undeclared(v.committed())
    made = planning.build(v.run_of(files), build(v.run_of(files)), TINY_BASE, v.DATA)
    setting = made.settings[KEY]
    assert (setting.value, setting.assumed) == (2, False)
    assert setting.source == "arithmetic: samples and steps a second that trainer_state.json logs"
    assert made.settings["packing"].value is True
    alone = v.without(files, "checkpoint-9/rng_state.pth", "checkpoint-18/rng_state.pth")
    assert planning.build(v.run_of(alone), build(v.run_of(alone)), TINY_BASE, v.DATA).settings[KEY].assumed


def planned(files: v.Files) -> Setting:
    run = v.run_of(files)
    return planning.build(run, build(run), TINY_BASE, v.DATA).settings[KEY]


def test_packed_rows_of_a_loader_count_no_batches() -> None:
    """axolotl's loader packs two of the counted examples into a row of a step: 2 samples a step, accumulation 1."""
    files = v.without(undeclared(v.committed()), CHEETAH)
    for packed, expected in (
        ("true", (1, True, "no file says it: default of TrainingArguments")),
        ("false", (2, False, "arithmetic: samples and steps a second that trainer_state.json logs")),
    ):
        text = AXOLOTL.replace("gradient_accumulation_steps: 2\n", "").replace(
            "sample_packing: true", f"sample_packing: {packed}"
        )
        found = planned({**files, "config.yaml": text.encode()})
        assert (found.value, found.assumed, found.source) == expected


def test_a_run_that_also_had_several_processes_leaves_it_assumed() -> None:
    """Begun by one process and gone on with by two: the rates count the rows of both."""
    files = undeclared(v.committed())
    state = files["checkpoint-18/rng_state.pth"]
    two = {f"checkpoint-18/rng_state_{rank}.pth": state for rank in (0, 1)}
    found = planned({**v.without(files, "checkpoint-18/rng_state.pth"), **two})
    assert (found.value, found.assumed) == (2, True)


def test_another_batch_than_the_declared_one_leaves_it_assumed() -> None:
    """Gone on with in batches of 1 where the state keeps the 2 of before: 2 rows a step are 2 batches, not one."""
    files = undeclared(v.committed())
    for path in [path for path in files if path.endswith(ROOT)]:
        files = v.with_json(files, path, lambda d: d.update(train_batch_size=2))
    found = planned(files)
    assert (found.value, found.assumed) == (1, True)
    assert planned(v.with_json(files, CHEETAH, declared_batch(2))) == Setting(1, found.source)


def declared_batch(size: int) -> Callable[[Any], None]:
    return lambda d: d["train_model_parameters"].update(per_device_train_batch_size=size)


def test_a_schedule_that_was_another_before_leaves_it_assumed() -> None:
    """checkpoint-9 was saved under a schedule of 12 steps: what its steps accumulated, the last rates do not tell."""
    files = v.with_json(
        undeclared(v.committed()), "checkpoint-9/trainer_state.json", lambda d: d.update(max_steps=12)
    )
    assert planned(files).assumed


def ended(steps: int, **rates: float) -> Run:
    """A run of one epoch whose last log row has these rates, and nothing else."""
    row = {"step": steps, **{f"train_{key}": value for key, value in rates.items()}}
    return run_of({"max_steps": steps, "num_train_epochs": 1, "log_history": [row]})


def test_rates_are_known_to_half_of_their_last_digit() -> None:
    """0.05 samples and 0.013 steps a second lie within 0.0495 / 0.0135 = 3.67 and 0.0505 / 0.0125 = 4.04."""
    slow = ended(10_000, samples_per_second=0.05, steps_per_second=0.013)
    assert accumulation.fitting(slow, known(1, 1), None, None).numbers == (4,)


def test_the_runtime_sharpens_rates_of_few_digits() -> None:
    """0.0595 / 0.0025 = 23.8 to 0.0605 / 0.0015 = 40.3 rows a step; 1,000,000 s of 2,000 steps leave 29.7 to 30.3."""
    rates = {"samples_per_second": 0.06, "steps_per_second": 0.002}
    assert accumulation.fitting(ended(2_000, **rates), known(1, 1), None, None).numbers == tuple(
        range(24, 41)
    )
    timed = ended(2_000, **rates, runtime=1_000_000.0)
    assert accumulation.fitting(timed, known(1, 1), None, None).numbers == (30,)


def test_an_assumed_batch_leaves_the_accumulation_assumed() -> None:
    files = undeclared(v.committed())
    run = v.run_of(files)
    sizes = known(1, 1)
    assert not accumulation.derived(run, build(run), sizes, None)[0][KEY].assumed
    sizes["per_device_train_batch_size"] = Setting(1, "the default", assumed=True)
    assert accumulation.derived(run, build(run), sizes, None)[0][KEY].assumed


def test_rows_and_steps_tell_it_where_the_log_has_no_rates() -> None:
    state = trained(96, 1, 2, 1, carried=False, seconds=60)
    state["log_history"].pop()
    run = run_of(state)
    ledger = build(run)
    made = accumulation.derived(run, ledger, known(1, 1), 96)
    says = "arithmetic: 96 rows, one example each, and the steps of trainer_state.json"
    nothing: object = ({}, ())
    assert made == ({KEY: Setting(2, says, assumed=True)}, ())
    assert not accumulation.fitting(run, known(1, 1), 96, True).numbers, "packed rows count nothing"
    assert accumulation.derived(run, ledger, known(1, 1), None) == nothing
    assert accumulation.derived(run, ledger, {**known(1, 1), KEY: Setting(4, "x")}, 96) == nothing


def test_other_numbers_that_fit_are_readings() -> None:
    """100 rows in 3 steps of an epoch: 34 to 49 micro-batches; the state saved at the end logs no epoch below one."""
    state = {
        "max_steps": 3,
        "global_step": 3,
        "num_train_epochs": 1,
        "log_history": [{"step": 3, "epoch": 1.0}],
    }
    run = run_of(state)
    made, others = accumulation.derived(run, build(run), known(1, 1), 100)
    setting = made[KEY]
    # ceil(100 / n) = 3 for 34 to 49, floor(100 / n) = 3 for 26 to 33; of these 32 is what people write.
    assert (setting.value, setting.assumed) == (32, True)
    assert [item.changes for item in others] == [{KEY: 31}, {KEY: 33}, {KEY: 30}]
    assert all(item.open for item in others)
    assert others[0].says == "gradient_accumulation_steps = 31: the steps fit it as well"


def test_rows_of_another_data_set_fit_nothing() -> None:
    state = trained(96, 1, 2, 1, carried=False, seconds=60)
    state["log_history"].pop()
    run = run_of(state)
    assert accumulation.derived(run, build(run), known(1, 1), 97) == ({}, ())


def test_numbers_that_no_training_logs_tell_nothing() -> None:
    for rates, fits in (
        ({"train_samples_per_second": 1e300}, ()),
        ({"train_steps_per_second": 0}, ()),
        ({"train_runtime": -1}, (2,)),
    ):
        state = trained(96, 1, 2, 1, carried=False, seconds=60)
        state["log_history"][-1].update(rates)
        assert accumulation.fitting(run_of(state), known(1, 1), None, None).numbers == fits
    state["max_steps"] = -1
    assert not accumulation.fitting(run_of(state), known(1, 1), 96, None).numbers
    assert not accumulation.fitting(run_of(state), known(0, 1), 96, None).numbers
