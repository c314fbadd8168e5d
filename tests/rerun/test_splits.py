"""Rows that a script held out, while the file that is given holds all of them."""

from typing import Any

import pytest

from auditor.model import Setting
from auditor.rerun.child.rows import order
from auditor.rerun.planning import splits
from tests.builders.pickles import make_training_args
from tests.rerun import variants as v

SEEDS = (42, 7)
BARE = v.without(v.committed(), "training_args.bin")


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
    run = v.run_of(BARE if files is None else files)
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


@pytest.mark.parametrize("percent", [1, 2, 5, 10, 15, 20, 25, 30])
def test_every_usual_share_is_one(percent: int) -> None:
    """Of 1000 rows, two a step: each percent that is held out is 5 steps less."""
    held = 10 * percent
    assert names(1000, known(500 - 5 * percent))[-1] == f"the first {1000 - held} of 1000 rows"


def test_the_commonest_of_shares_that_make_the_steps_is_the_one() -> None:
    """Of 10 rows, two a step, a fifth holds out 2 and a quarter 3: both leave 4 steps."""
    first, _, last = splits.of_run(v.run_of(BARE), known(4), 10)[1]
    assert (dict(first.changes), dict(last.changes)) == (
        {"used_rows": [2, 10], "shuffle_seed": 7, "packing": False},
        {"used_rows": [0, 8], "shuffle_seed": None, "packing": False},
    )
    assert (
        first.says
        == "2 of 10 rows held out by train_test_split with seed 7: the steps fit it, and no file tells it"
    )


def test_that_every_row_is_used_is_assumed() -> None:
    made, _ = splits.of_run(v.run_of(BARE), known(450), 1000)
    assert made == {"used_rows": Setting(None, "no file tells it: every row of the data", assumed=True)}


@pytest.mark.parametrize("steps", [500, 501, 410])
def test_rows_that_fit_and_shares_that_nobody_takes_are_no_split(steps: int) -> None:
    """500 are all rows, 501 more than there are, 410 leave 18 % out."""
    assert names(1000, known(steps)) == []
    assert names(10, known(5)) == []  # 9 rows make 5 steps as well as all 10 do


def test_packed_rows_given_steps_and_what_is_not_known_are_no_split() -> None:
    assert names(None, known(450)) == []
    assert names(1000, known(450, packing=True)) == []
    assert names(1000, {**known(450), "num_train_epochs": Setting(1, "default", assumed=True)}) == []
    packing = Setting(True, "declared")
    assert names(1000, {**known(450), "packing": packing}) == []
    for key in ("per_device_train_batch_size", "packing", "max_steps"):
        assert names(1000, {name: item for name, item in known(450).items() if name != key}) == []
    assert names(1000, known(450, num_train_epochs=float("nan"))) == []


@pytest.mark.parametrize(("given", "many"), [(450, 0), (1, 0), (0, 3), (-1, 3)])
def test_steps_that_were_given_tell_nothing_of_rows(given: int, many: int) -> None:
    """TrainingArguments.max_steps counts where it is above 0; its default is -1."""
    files = {"training_args.bin": make_training_args({"max_steps": given})}
    assert len(names(1000, known(450), files)) == many


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rows_are_those_of_datasets(seed: int) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"n": list(range(50))})
    parts = rows.train_test_split(test_size=0.1, seed=seed)
    assert list(order(50, seed, [5, 50])) == parts["train"]["n"][:]
    assert list(order(50, None, [0, 45])) == list(range(45))
