"""A published adapter that a tool wrote anew from the last checkpoint's is no contradiction to it."""

from typing import Any

import numpy
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

from auditor.model import Snapshot
from tests.builders.repositories import healthy
from tests.checks.expecting import found, reasons
from tests.rerun import variants as v

ROOT, CONFIG, LAST = "adapter_model.safetensors", "adapter_config.json", "checkpoint-18/adapter_config.json"
RULES = ("adapter-config-differs-from-checkpoint", "final-adapter-differs-from-checkpoint")


def folded(factor: float) -> Snapshot:
    """lora_alpha twice as large, lora_B half as large times a factor."""

    def halved(name: str, array: NDArray[Any]) -> NDArray[Any]:
        made: NDArray[Any] = array * array.dtype.type(factor / 2 if "lora_B" in name else 1)
        return made

    data = {ROOT: v.with_tensors(v.committed()[ROOT], halved)}
    return healthy(data=data, json_edits={CONFIG: {"/lora_alpha": 32}})  # 16 in the fixture


def converted(halves: bool = True) -> Snapshot:
    """The published adapter with as many rows of a beginning below its own, for an init of PiSSA."""
    values = {}
    for name, array in load(v.committed()[ROOT]).items():
        own = array if halves else array * numpy.float32(1.01)
        axis = 0 if "lora_A" in name else 1
        values[name] = numpy.ascontiguousarray(numpy.concatenate([own, array], axis=axis))
    edits = {
        CONFIG: {"/lora_alpha": 32, "/r": 16},
        **{path: {"/init_lora_weights": "pissa"} for path in (LAST, "checkpoint-9/adapter_config.json")},
    }
    return healthy(data={ROOT: save(values, {"format": "pt"})}, json_edits=edits)


@pytest.mark.parametrize("rule", RULES)
def test_passes_another_scale_that_the_factors_make_up_for(rule: str) -> None:
    assert found(rule, folded(1.0)) == []
    assert reasons(rule, folded(1.0)) == [f"{ROOT} makes the update of checkpoint-18 at another scale"]


@pytest.mark.parametrize("rule", RULES)
def test_passes_a_conversion_for_the_plain_base(rule: str) -> None:
    assert found(rule, converted()) == []
    assert reasons(rule, converted()) == [f"{ROOT} is that of checkpoint-18, converted for the plain base"]


@pytest.mark.parametrize("rule", RULES)
def test_fails_where_the_update_is_another(rule: str) -> None:
    assert len(found(rule, folded(1.03))) == 1
    assert len(found(rule, converted(halves=False))) == 1
