from pathlib import Path

import pytest

from auditor.artifacts.scaler_state import ScalerState
from auditor.errors import CannotRead
from tests.builders.blobs import blob
from tests.builders.evil_pickles import EVIL
from tests.builders.pickles import make_scaler, make_torch


def parsed(data: bytes) -> ScalerState:
    return ScalerState.parse(blob(data, "checkpoint-450/scaler.pt"))


def test_all_fields_are_read() -> None:
    scaler = parsed(make_scaler(scale=32768.0, growth_tracker=449))
    assert (scaler.scale, scaler.growth_tracker, scaler.growth_interval) == (32768.0, 449, 2000)
    assert (scaler.growth_factor, scaler.backoff_factor) == (2.0, 0.5)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (65536.0, 0),
        (131072.0, 1),  # one growth after 2,000 clean steps
        (16384.0, -2),  # two skipped steps
        (65536.0 * 3, None),
        (0.0, None),
        (-65536.0, None),
        (float("inf"), None),
        (float("nan"), None),
        (2.0**-1000, -1016),
        (5e-324, None),  # 2 ** -1074 underflows when divided: no GradScaler gets there
    ],
)
def test_doublings_minus_halvings(scale: float, expected: int | None) -> None:
    assert parsed(make_scaler(scale=scale)).growths_minus_skips == expected


def test_other_factors_say_nothing_about_skips() -> None:
    assert parsed(make_scaler(growth_factor=4.0)).growths_minus_skips is None
    assert parsed(make_scaler(backoff_factor=0.25)).growths_minus_skips is None


def test_the_empty_state_of_a_disabled_scaler_is_read() -> None:
    scaler = parsed(make_torch({}))
    assert (scaler.scale, scaler.growths_minus_skips) == (None, None)


def test_values_of_other_types_are_unknown() -> None:
    value = {"scale": "x", "growth_interval": 2.5, "_growth_tracker": True, "growth_factor": 2**5000}
    scaler = parsed(make_torch(value))
    assert (scaler.scale, scaler.growth_interval, scaler.growth_tracker, scaler.growth_factor) == (None,) * 4


@pytest.mark.parametrize("value", [{"last_epoch": 1}, [1], EVIL["reduce"]("x")])
def test_files_that_hold_something_else_are_refused(value: object) -> None:
    with pytest.raises(CannotRead, match="does not hold the state of a gradient scaler"):
        parsed(make_torch(value))


def test_facts_hold_every_field() -> None:
    facts = parsed(make_scaler()).facts()
    assert {key: fact.value for key, fact in facts.items()} == {
        "scale": 65536.0,
        "growth_factor": 2.0,
        "backoff_factor": 0.5,
        "growth_interval": 2000,
        "_growth_tracker": 450,
    }


@pytest.mark.rerun
def test_the_state_torch_saves_is_read(tmp_path: Path) -> None:
    import torch

    scaler = torch.amp.GradScaler("cpu")
    torch.save(scaler.state_dict(), tmp_path / "scaler.pt")
    found = parsed((tmp_path / "scaler.pt").read_bytes())
    assert (found.scale, found.growth_interval, found.growth_tracker) == (65536.0, 2000, 0)
