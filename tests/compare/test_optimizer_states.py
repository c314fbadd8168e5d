import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod

import numpy
import pytest

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.compare import _moment_norms
from auditor.compare.states import OptimizerDescription, describe_optimizer
from tests.builders.blobs import blob
from tests.builders.pickles import Tensor, make_optimizer, make_torch
from tests.builders.repositories import contents
from tests.builders.safetensors import make_arrays

Shape = tuple[int, ...]
LAYER = "base_model.model.model.layers"
SHAPES: Mapping[str, Shape] = {
    f"{LAYER}.{layer}.{module}.{part}.weight": shape
    for layer in (2, 10)
    for module, wide, out in (
        ("self_attn.q_proj", 6, 6),
        ("self_attn.k_proj", 6, 2),
        ("self_attn.v_proj", 6, 2),
        ("mlp.gate_proj", 6, 9),
        ("mlp.down_proj", 9, 6),
    )
    for part, shape in (("lora_A", (3, wide)), ("lora_B", (out, 3)))
}
"""Two layers of a small decoder in the order of model.named_parameters()."""


def adapter(shapes: Mapping[str, Shape] = SHAPES) -> AdapterWeights:
    """Sorted by name, as safetensors writes it: layer 10 before layer 2, down before gate, k before q."""
    arrays = {name: numpy.zeros(shapes[name], "f4") for name in sorted(shapes)}
    return AdapterWeights.parse(blob(make_arrays(arrays), "checkpoint-9/adapter_model.safetensors"))


def optimizer(data: bytes) -> OptimizerState:
    return OptimizerState.parse(blob(data, "checkpoint-9/optimizer.pt"))


def described(shapes: Sequence[Shape], weights: AdapterWeights | None = None) -> OptimizerDescription:
    return describe_optimizer(optimizer(make_optimizer(shapes, 9.0)), weights)


def test_the_file_s_order_is_not_the_model_s() -> None:
    assert next(iter(adapter().tensors)).startswith(f"{LAYER}.10.mlp.down_proj")


def test_parameters_are_named_by_order_and_shape() -> None:
    told = described(list(SHAPES.values()), adapter())
    assert [parameter.tensor for parameter in told.parameters] == list(SHAPES)
    assert [parameter.shape for parameter in told.parameters] == list(SHAPES.values())
    assert (told.matched, told.mismatches) == ("the usual order of modules", ())
    assert (told.kind, told.decoded, told.listed) == ("adamw", True, 20)
    assert told.steps == ((9.0, 20),)
    assert [(group.parameters, group.lr, group.betas) for group in told.groups] == [
        (20, 0.0002, (0.9, 0.999)),
        (0, 0.0002, (0.9, 0.999)),
    ]


def test_the_base_model_s_own_order_is_surer() -> None:
    """A model that builds v before q."""
    order = ("self_attn.v_proj", "self_attn.q_proj", "self_attn.k_proj", "mlp.gate_proj", "mlp.down_proj")
    modules = [f"model.layers.{layer}.{name}" for layer in range(11) for name in order]
    names = [
        f"{LAYER}.{n}.{name}.{part}.weight"
        for n in (2, 10)
        for name in order
        for part in ("lora_A", "lora_B")
    ]
    data = make_optimizer([SHAPES[name] for name in names], 9.0)
    assert describe_optimizer(optimizer(data), adapter()).matched == ""
    told = describe_optimizer(optimizer(data), adapter(), modules=modules)
    assert [parameter.tensor for parameter in told.parameters] == names
    assert told.matched == "the order of the base model's modules"


def test_names_in_the_file_are_believed_and_held_against_shapes() -> None:
    names = list(SHAPES)[:3]
    data = make_optimizer([SHAPES[name] for name in names], group={"param_names": names})
    told = describe_optimizer(optimizer(data), adapter())
    assert [parameter.tensor for parameter in told.parameters] == names
    assert (told.matched, told.mismatches) == ("the names in the file", ())
    data = make_optimizer([(3, 6), (6, 3), (3, 7)], group={"param_names": names})
    assert describe_optimizer(optimizer(data), adapter()).mismatches == (
        f"parameter 2, {names[2]}, is [3, 7] in the optimizer and [3, 6] in the adapter",
    )


def test_biases_come_after_the_weights() -> None:
    """The Trainer's second group, without weight decay, is numbered after the first."""
    shapes = {**SHAPES, f"{LAYER}.2.self_attn.q_proj.base_layer.bias": (6,)}
    order = [*SHAPES.values(), (6,)]
    state = {i: {"exp_avg": Tensor([0.0] * prod(s), s)} for i, s in enumerate(order)}
    groups = [{"params": list(range(20)), "lr": 0.1}, {"params": [20], "lr": 0.1}]
    told = describe_optimizer(
        optimizer(make_torch({"state": state, "param_groups": groups})), adapter(shapes)
    )
    assert [parameter.tensor for parameter in told.parameters] == list(shapes)
    assert told.parameters[20].group == 1


@pytest.mark.parametrize(
    ("shapes", "mismatches"),
    [
        (
            [*SHAPES.values()][::-1],
            ("the shapes are those of the adapter in another order, so parameters are not named",),
        ),
        (
            [*SHAPES.values()][:-1],
            ("the optimizer lists 19 parameters, and the adapter holds 20 tensors",),
        ),
        (
            [(5, 5), *[*SHAPES.values()][1:]],
            ("1 states of shape [5, 5] belong to no tensor of the adapter",),
        ),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_named(
    shapes: list[Shape], mismatches: tuple[str, ...]
) -> None:
    told = described(shapes, adapter())
    assert (told.matched, told.mismatches) == ("", mismatches)
    assert {parameter.tensor for parameter in told.parameters} == {None}


def test_parameters_that_were_never_updated_are_named() -> None:
    names = list(SHAPES)
    state = {
        i: {"step": 7.0 if i < 4 else 9.0, "exp_avg": Tensor([0.0] * prod(SHAPES[n]), SHAPES[n])}
        for i, n in enumerate(names)
        if i not in (2, 3)
    }
    state[99] = {"step": 1.0}
    data = make_torch({"state": state, "param_groups": [{"params": list(range(20))}]})
    told = describe_optimizer(optimizer(data), adapter())
    assert told.never_updated == tuple(names[2:4])
    assert told.steps == ((1.0, 1), (7.0, 2), (9.0, 16))
    assert told.mismatches == ("1 states belong to parameters that no group lists",)
    assert describe_optimizer(optimizer(data)).never_updated == ("parameter 2", "parameter 3")


def test_norms_are_read_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """sqrt(12) * 0.5 and sqrt(12) * 2, whatever the pieces."""
    data = make_optimizer([(3, 4)], moments=lambda _index, name: 0.5 if name == "exp_avg" else 2.0)
    assert describe_optimizer(optimizer(data)).parameters[0].norms == {}
    for chunk in (2**20, 5):
        monkeypatch.setattr(_moment_norms, "CHUNK", chunk)
        norms = describe_optimizer(optimizer(data), norms=True).parameters[0].norms
        assert norms == pytest.approx(
            {"exp_avg": math.sqrt(12) / 2, "exp_avg_sq": math.sqrt(12) * 2}, rel=1e-12
        )


def test_parameters_that_no_gradient_reached_are_named() -> None:
    data = make_optimizer([(2,), (3,)], moments=lambda index, _name: float(index))
    assert describe_optimizer(optimizer(data), norms=True).without_gradient == ("parameter 0",)
    assert describe_optimizer(optimizer(data)).without_gradient == ()


def test_norms_of_bad_numbers_and_of_missing_bytes() -> None:
    data = make_optimizer([(2,)], moments=lambda _index, _name: math.nan)
    assert math.isnan(describe_optimizer(optimizer(data), norms=True).parameters[0].norms["exp_avg"])
    state = {0: {"exp_avg": Tensor([1.0, 2.0], (3,)), "exp_avg_sq": Tensor([1.0] * 3, (3,))}}
    told = describe_optimizer(optimizer(make_torch({"state": state, "param_groups": []})), norms=True)
    assert told.mismatches[-1] == (
        "moments were not read: checkpoint-9/optimizer.pt holds a tensor that reaches beyond its storage"
    )


def test_the_tiny_run_agrees_with_the_library_s_own_order() -> None:
    """28 tensors in the order of modeling_gemma3.py: q, k, v, o, then gate, up, down, two layers."""
    read, _ = contents("tiny", "candidate")
    path = "checkpoint-18/optimizer.pt"
    weights = AdapterWeights.parse(
        blob(read["checkpoint-18/adapter_model.safetensors"], "adapter_model.safetensors")
    )
    told = describe_optimizer(OptimizerState.parse(blob(read[path], path)), weights, norms=True)
    modules = [str(parameter.tensor).split(".")[-3] for parameter in told.parameters]
    assert modules[:14:2] == ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    layers = [int(str(parameter.tensor).split(".layers.")[1].split(".")[0]) for parameter in told.parameters]
    assert all(one <= two for one, two in pairwise(layers))
    assert told.steps == ((18.0, 28),)
    assert (told.mismatches, told.never_updated) == ((), ())
    assert all(parameter.norms["exp_avg"] > 0 for parameter in told.parameters)
