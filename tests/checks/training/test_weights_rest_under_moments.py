"""The honest run: 18 updates of 28 parameters, all of which move; a step of Adam is about its rate of up to 2e-3."""

from typing import Any

import pytest

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.model import Snapshot
from tests.builders.blobs import blob
from tests.builders.pickles import make_optimizer
from tests.builders.repositories import healthy, seed
from tests.builders.torch_files import TorchFile
from tests.checks.expecting import ERROR, finding, found, reasons
from tests.rerun.variants import OPTIMIZERS, WEIGHTS, committed, with_tensors

RULE = "weights-rest-under-moments"
_, NINE, EIGHTEEN = WEIGHTS
UP = "base_model.model.model.language_model.layers.0.mlp.up_proj"


def zeroed(path: str, part: str = "lora_B") -> dict[str, bytes]:
    def edit(name: str, array: Any) -> Any:
        return array * 0 if name == f"{UP}.{part}.weight" else array

    return {path: with_tensors(committed()[path], edit)}


def rested(*parts: str) -> dict[str, bytes]:
    """The last checkpoint with tensors of the one before."""
    import safetensors.numpy

    then = safetensors.numpy.load(committed()[NINE])
    names = {f"{UP}.{part}.weight" for part in parts}
    return {EIGHTEEN: with_tensors(committed()[EIGHTEEN], lambda name, a: then[name] if name in names else a)}


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_for_a_lora_b_that_is_still_zero() -> None:
    assert found(RULE, healthy(data={**zeroed(NINE), **zeroed(EIGHTEEN)})) == [
        finding(
            RULE,
            ERROR,
            f"1 of 28 tensors is exactly zero after 9 updates, first {UP}.lora_B.weight: Adam moved every parameter of "
            "that shape",
            NINE,
            f"{UP}.lora_B.weight",
            expected="numbers that moved",
            observed="zeros",
        )
    ]


def test_fails_for_tensors_of_the_checkpoint_before() -> None:
    (only,) = found(RULE, healthy(data=rested("lora_A", "lora_B")))
    assert (only.at.path, only.observed) == (EIGHTEEN, "the same bits")
    assert only.message.startswith(
        f"2 of 28 tensors are as in {NINE}, to the last bit, first {UP}.lora_A.weight: "
    )


def test_passes_where_a_parameter_of_that_shape_rests() -> None:
    """Any of them may be the tensor: the optimizer names none. Its first moment is zero, as without a gradient."""
    shapes = [info.shape for _, info in _tensors()]
    group = {"amsgrad": False, "betas": (0.9, 0.999), "eps": 1e-8, "lr": 2e-3, "initial_lr": 2e-3}
    at_rest = dict.fromkeys(OPTIMIZERS, make_optimizer(shapes, 18, group=group))
    assert found(RULE, healthy(data={**zeroed(NINE), **at_rest})) == []


def test_passes_what_other_rules_tell_or_no_step_explains() -> None:
    def all_zero(name: str, array: Any) -> Any:
        return array * 0 if "lora_B" in name else array

    assert found(RULE, healthy(data={NINE: with_tensors(committed()[NINE], all_zero)})) == []
    assert found(RULE, healthy(data={EIGHTEEN: committed()[NINE]})) == []
    pissa = {"checkpoint-9/adapter_config.json": {"/init_lora_weights": "pissa"}}
    assert found(RULE, healthy(data=zeroed(NINE), json_edits=pissa)) == []


def grouped(part: str, first: float, second: float) -> dict[str, bytes]:
    """Both optimizers in two groups of these rates, the second with every parameter of a factor's shape."""
    (wanted,) = {tuple(info.shape) for name, info in _tensors() if name == f"{UP}.{part}.weight"}
    return {path: _grouped(committed()[path], wanted, first, second) for path in OPTIMIZERS}


def _grouped(data: bytes, shape: tuple[int, ...], first: float, second: float) -> bytes:
    made = TorchFile(data)
    value: Any = made.value
    own = [entry.index for entry in OptimizerState.parse(blob(data, "x")).entries if entry.shape == shape]
    group = value["param_groups"][0]
    others = [index for index in group["params"] if index not in own]
    groups = [(first, others), (second, own)]
    return made.with_value(
        {
            **value,
            "param_groups": [
                {**group, "initial_lr": rate, "lr": 0.0, "params": params} for rate, params in groups
            ],
        }
    )


SWALLOWED = 1e-8
"""lora_A is up to 0.134, where float32 numbers are 2^-26 apart, 1.5e-8."""


@pytest.mark.parametrize("second", [0.0, SWALLOWED])
def test_passes_where_the_group_has_a_rate_that_moves_nothing(second: float) -> None:
    """The log has the first group's rate, 2e-3. A group of its own rests, as an embedding of LoRA+ at 1e-6 may."""
    files = rested("lora_A")
    assert found(RULE, healthy(data={**files, **grouped("lora_A", 2e-3, 2e-3)}))
    assert found(RULE, healthy(data={**files, **grouped("lora_A", 2e-3, second)})) == []


@pytest.mark.parametrize(("first", "second"), [(2e-3, 3.2e-2), (2e-3, 1e-6)])
def test_fails_in_a_group_that_moves(first: float, second: float) -> None:
    """As LoRA+ has it, sixteen times the rate; and a zero has no number next to it that a rate of 1e-6 misses."""
    (only,) = found(RULE, healthy(data={**zeroed(NINE), **grouped("lora_B", first, second)}))
    assert (only.at.path, only.observed) == (NINE, "zeros")


def _tensors() -> list[tuple[str, Any]]:
    return list(AdapterWeights.parse(blob(committed()[NINE], NINE)).tensors.items())


def snapshot_of(kind: str) -> Snapshot:
    return healthy(data=dict.fromkeys(OPTIMIZERS, make_optimizer([(2, 2)], 18)), without=[kind])


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["no checkpoint holds both an adapter and an optimizer.pt that were read"]
    assert reasons(RULE, snapshot_of("x")) == [
        f"{path} is not of torch's Adam or AdamW" for path in OPTIMIZERS
    ]
    unknown = healthy(data=grouped("lora_A", 0.0, 2e-3))
    assert reasons(RULE, unknown) == [
        f"{path} has no learning rate in its first group, which is the one that is logged"
        for path in OPTIMIZERS
    ]
