import json
from typing import Any

import numpy
import pytest

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.builders.safetensors import make_arrays
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "adapter-never-trained"
P = "base_model.model.layers.0.q."
ONES, ZEROS = numpy.ones((4, 1), numpy.float32), numpy.zeros((4, 4), numpy.float32)
RANDOM = numpy.random.default_rng(0).standard_normal((4, 4)).astype(numpy.float32)


def of(method: str, arrays: dict[str, Any], **settings: object) -> Snapshot:
    config = json.dumps({"peft_type": method, **settings}).encode()
    files = {"adapter_config.json": config, "adapter_model.safetensors": make_arrays(arrays)}
    return memory_snapshot("made", files)


STARTS = {
    "IA3": {f"{P}ia3_l": ONES, "base_model.model.layers.1.q.ia3_l": ONES},
    "OFT": {f"{P}oft_R.weight": ZEROS},
    "BOFT": {f"{P}boft_R": ZEROS, f"{P}boft_s": ONES},
    "VERA": {f"{P}vera_lambda_b": ZEROS, f"{P}vera_lambda_d": 0.1 * ONES},
    "LOHA": {
        f"{P}hada_w1_a": RANDOM,
        f"{P}hada_w1_b": RANDOM,
        f"{P}hada_w2_a": RANDOM,
        f"{P}hada_w2_b": ZEROS,
    },
    "LOKR": {f"{P}lokr_w1": ZEROS, f"{P}lokr_w2": RANDOM},
    "MISS": {f"{P}miss_block": ZEROS},
}
"""What peft 0.21.2 saves of a model that was wrapped and not trained (tests/rerun/test_peft_types.py)."""


def test_passes() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize("method", STARTS)
def test_passes_where_one_value_moved(method: str) -> None:
    arrays = {name: array.copy() for name, array in STARTS[method].items()}
    for array in arrays.values():
        array[-1, -1] += numpy.float32(1e-6)
    assert found(RULE, of(method, arrays)) == []


@pytest.mark.parametrize("method", STARTS)
def test_fails_at_the_start_of_every_method(method: str) -> None:
    (only,) = found(RULE, of(method, STARTS[method]))
    assert only.severity is ERROR


def test_fails_with_the_values_named() -> None:
    assert found(RULE, of("IA3", STARTS["IA3"])) == [
        finding(
            RULE,
            ERROR,
            "all 2 tensors ia3_l are still exactly 1, where IA3 starts: loading the adapter changes nothing",
            "adapter_model.safetensors",
            f"{P}ia3_l",
            expected="values that training moved from 1",
            observed="1 everywhere",
        )
    ]


def test_cannot_look_at_other_starts_and_methods() -> None:
    assert reasons(RULE, of("OFT", STARTS["OFT"], init_weights=False)) == [
        "the adapter did not start at the method's usual values (False)"
    ]
    assert reasons(RULE, of("HRA", {f"{P}hra_u": RANDOM})) == [
        "HRA has no tensor that starts at a known value"
    ]
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
