"""Columns that were rounded, by hand and at random: what was rounded away sets nothing apart, anything more does."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model import Verdict
from auditor.rerun.judging.log_format import Format
from tests.rerun import variants as v
from tests.rerun.test_verdict import aspect, diverged, noisy, verdict_on

FULL = (1.23456789, 0.987654321, 12.3456789)


def single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


@pytest.mark.parametrize("decimals", [2, 4, 6])
def test_a_column_tells_its_decimals(decimals: int) -> None:
    column = [round(value, decimals) for value in FULL]
    assert Format.of(column, single=False) == Format(single=False, decimals=decimals)
    assert Format.of([*column, 0.123456789], single=False) == Format()
    assert Format.of(column, single=False, counted=True) == Format()


def test_seven_decimals_are_what_was_computed_and_one_counts_as_two() -> None:
    assert Format.of([round(value, 7) for value in FULL], single=False) == Format()
    assert Format.of([round(value, 1) for value in FULL], single=False) == Format(decimals=2)


def test_float32_is_not_taken_for_rounding() -> None:
    """Above 8 float32 has a spacing of 9.5e-7, so every value seems to have six decimals."""
    assert Format.of([single(value) for value in FULL], single=True) == Format(single=True)
    # Near 3 the spacing is 2.4e-7, of which a sixth decimal spans four and a fifth forty; near 8 a fifth spans ten.
    assert (
        Format.of([single(round(value, 6)) for value in (3.1234567, 2.7654321)], single=True).decimals is None
    )
    assert Format.of([single(round(value, 5)) for value in (7.1234567, 5.7654321)], single=True).decimals == 5
    old = [single(round(value, 4)) for value in FULL]
    assert Format.of(old, single=True) == Format(single=True, decimals=4)


@given(st.floats(1e-3, 1e3), st.integers(2, 6), st.floats(-1, 1))
def test_a_number_rounded_is_no_gap_and_noise_beyond_it_is_its_size(
    value: float, decimals: int, share: float
) -> None:
    """Rounding moves a number by half a unit at most; what noise adds to it is all that is left."""
    stored, noise = Format(decimals=decimals), 1e-6 * value * share
    assert stored.apart(round(value, decimals), value) == 0.0
    assert stored.apart(round(value + noise, decimals), value) <= abs(noise) / value * 1.01 + 1e-12


def test_a_digit_more_than_rounding_is_a_gap() -> None:
    """1.2347 for 1.23456: 0.00014 apart, of which 0.00005 are rounding."""
    assert Format(decimals=4).apart(1.2347, 1.23456) == pytest.approx(0.00009 / 1.2347)
    assert Format(decimals=4).apart(math.nan, 1.0) == math.inf
    assert Format(decimals=4).apart(math.nan, math.nan) == 0.0


def rounded(files: v.Files, decimals: int) -> v.Files:
    def row(line: dict[str, Any]) -> None:
        for tag in ("loss", "grad_norm"):
            if tag in line:
                line[tag] = round(line[tag], decimals)

    return v.with_log(v.without(files, v.event_path()), v.STATES, row)


@pytest.mark.parametrize(("decimals", "verdict"), [(4, Verdict.IDENTICAL), (3, Verdict.EQUIVALENT)])
def test_a_log_that_somebody_rounded_accuses_nobody(decimals: int, verdict: Verdict) -> None:
    """Beside weights and moments that agree bit for bit, where nothing counts as noise."""
    result = verdict_on(rounded(v.committed(), decimals))
    assert diverged(result) == set()
    item = aspect(result, "curve", "trainer_state.json")
    assert item.verdict is verdict
    assert (
        f"loss and grad_norm are equal at 18 steps, rounded to {decimals} decimals as in the file" in item.why
        or (f"grad_norm is equal at 18 steps, rounded to {decimals} decimals" in item.why)
    )


def test_a_last_digit_that_noise_turns_accuses_nobody() -> None:
    """A loss that lies within 1e-7 of where rounding turns: another machine may round it the other way."""

    def turn(row: dict[str, Any]) -> None:
        if row.get("step") == 7 and "loss" in row:
            row["loss"] = 5.00015 + 1e-7

    made = v.with_log(v.committed(), v.STATES, turn)
    down = v.with_log(
        made,
        v.STATES,
        lambda row: row.update(loss=5.0001) if row.get("step") == 7 and "loss" in row else None,
    )
    files = noisy(rounded(down, 4), 5e-5)
    assert diverged(verdict_on(files, v.outputs(made))) == set()


def test_a_rounded_log_that_was_edited_is_found() -> None:
    def lower(row: dict[str, Any]) -> None:
        if row.get("step", 0) >= 7 and "loss" in row:
            row["loss"] *= 0.999

    files = rounded(v.with_log(v.committed(), v.STATES, lower), 4)
    assert diverged(verdict_on(files)) == {("curve", path) for path in v.STATES}
