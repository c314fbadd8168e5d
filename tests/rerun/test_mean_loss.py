"""Of what a step's loss is the mean: asked only where micro-batches of a step can differ in labels."""

from typing import Any

import pytest

from auditor.model import Alternative, Setting
from auditor.rerun.planning import mean_loss


def known(**values: object) -> dict[str, Setting]:
    usual: dict[str, Any] = {"gradient_accumulation_steps": 4, "packing": False, "trainer": "reference"}
    return {key: Setting(value, "a test") for key, value in {**usual, **values}.items()}


@pytest.mark.parametrize("trainer", ["reference", "sft"])
def test_several_micro_batches_leave_it_open(trainer: str) -> None:
    found = mean_loss.settings(known(trainer=trainer))
    assert [(key, setting.value, setting.assumed) for key, setting in found.items()] == [
        ("model_accepts_loss_kwargs", True, True)
    ]
    (reading,) = mean_loss.readings(found)
    assert isinstance(reading, Alternative)
    assert (reading.changes, reading.open) == ({"model_accepts_loss_kwargs": False}, True)
    assert reading.words == "model_accepts_loss_kwargs = False"


@pytest.mark.parametrize(
    "values",
    [
        {"gradient_accumulation_steps": 1},
        {"gradient_accumulation_steps": None},
        {"packing": True},
        {"trainer": "dpo"},
        {"trainer": "command"},
    ],
)
def test_nothing_is_asked_where_it_makes_no_difference(values: dict[str, object]) -> None:
    assert mean_loss.settings(known(**values)) == {}
    assert list(mean_loss.readings(known(**values))) == []
