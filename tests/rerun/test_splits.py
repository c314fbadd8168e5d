"""Rows that a script held out, while the file that is given holds all of them."""

from typing import Any

import pytest

from auditor.model import Setting
from auditor.rerun.child.rows import order
from auditor.rerun.planning import splits
from tests.builders.pickles import make_training_args
from tests.rerun import variants as v

SEEDS = (42, 7)


def known(steps: int, **changed: Any) -> dict[str, Setting]:
    """Two rows a step, one epoch, so many steps; everything told by a file but the packing."""
    values: dict[str, Any] = {
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 1,
        "num_train_epochs": 1,
        "max_steps": steps,
        "seed": 7,
        **changed,
    }
    told = {key: Setting(value, "declared") for key, value in values.items()}
    return {"packing": Setting(True, "arithmetic", assumed=True), **told}


def names(rows: int | None, settings: dict[str, Setting], files: v.Files | None = None) -> list[str]:
    run = v.run_of(v.without(v.committed(), "training_args.bin") if files is None else files)
    made, found = splits.of_run(run, settings, rows)
    assert set(made) == ({"used_rows"} if found else set())
    assert all(item.open for item in found)
    return [item.words for item in found]


def test_a_tenth_that_was_held_out_makes_the_steps() -> None:
    """900 of 1000 rows, two a step: 450 steps."""
    assert names(1000, known(450)) == [
        "100 of 1000 rows held out by train_test_split with seed 7",
        "100 of 1000 rows held out by train_test_split with seed 42",
        "the first 900 of 1000 rows",
    ]


@pytest.mark.parametrize("steps", [500, 501, 410])
def test_rows_that_fit_and_shares_that_nobody_takes_are_no_split(steps: int) -> None:
    """500 are all rows, 501 more than there are, 410 leave 18 % out."""
    assert names(1000, known(steps)) == []


def test_packed_rows_given_steps_and_what_is_not_known_are_no_split() -> None:
    assert names(None, known(450)) == []
    assert names(1000, known(450, packing=True)) == []
    assert names(1000, {**known(450), "num_train_epochs": Setting(1, "default", assumed=True)}) == []
    given = {**v.committed(), "training_args.bin": make_training_args({"max_steps": 450})}
    assert names(1000, known(450), v.without(given, "checkpoint-9", "checkpoint-18")) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rows_are_those_of_datasets(seed: int) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"n": list(range(50))})
    parts = rows.train_test_split(test_size=0.1, seed=seed)
    assert list(order(50, seed, [5, 50])) == parts["train"]["n"][:]
    assert list(order(50, None, [0, 45])) == list(range(45))
