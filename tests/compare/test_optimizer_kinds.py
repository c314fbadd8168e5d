"""Every optimizer's state is named, by fixtures with the libraries' own names and by the libraries themselves."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.compare.states import OptimizerDescription, describe_optimizer
from auditor.errors import CannotRead
from tests.builders.blobs import blob
from tests.builders.pickles import Global, New, Tensor, make_torch

ADAM: Mapping[str, object] = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
BNB = "__bnb_optimizer_quant_state__"


def floats(*shape: int) -> Tensor:
    return Tensor([0.0] * math.prod(shape), shape)


def bytes_(*shape: int) -> Tensor:
    return Tensor([0] * math.prod(shape), shape, "uint8")


def described(entry: Mapping[str, object], group: Mapping[str, object]) -> OptimizerDescription:
    data = make_torch({"state": {0: dict(entry)}, "param_groups": [{**group, "params": [0]}]})
    return describe_optimizer(OptimizerState.parse(blob(data, "optimizer.pt")), norms=True)


QUANTIZED = {"state1": bytes_(64, 64), "qmap1": floats(256), "absmax1": floats(16)}
SECOND = {"state2": bytes_(64, 64), "qmap2": floats(256), "absmax2": floats(16)}
PROJECTOR = New(
    Global("galore_torch.galore_projector", "GaLoreProjector"), {"rank": 4, "ortho_matrix": floats(4, 8)}
)
GRADIENT = New(Global("apollo_torch.random_projector", "GradientProjector"), {"rank": 4, "seed": 3})
MEANS = {"step": 5, "exp_avg": floats(8, 4), "exp_avg_sq": floats(8, 4)}
GALORE = {**ADAM, "correct_bias": True, "rank": 4, "update_proj_gap": 200, "scale": 0.25, "proj_type": "std"}
STACKED = "its two fast means lie in one tensor of bytes"
LOW = "they are of gradients projected to rank 4, so their shapes are not the parameters'"

CASES: Sequence[tuple[str, Mapping[str, object], Mapping[str, object], object, str | None]] = (
    # kind, state of a parameter, settings of its group, the parameter's shape, why it is not decoded
    ("adamw 8-bit", {"step": 5, **QUANTIZED, **SECOND}, ADAM, (64, 64), None),
    ("adamw 8-bit", {"step": 5, BNB: {**QUANTIZED, **SECOND}}, ADAM, (64, 64), None),
    ("adamw", {"step": 5, BNB: {"state1": floats(8, 4), "state2": floats(8, 4)}}, ADAM, (8, 4), None),
    ("lion 8-bit", {"step": 5, BNB: QUANTIZED}, {**ADAM, "betas": (0.9, 0.99), "eps": 0.0}, (64, 64), None),
    (
        "ademamix 8-bit",
        {"step": 5, BNB: {**QUANTIZED, "state1": bytes_(2, 64, 64), **SECOND}},
        {**ADAM, "betas": (0.9, 0.999, 0.9999), "alpha": 5.0},
        (64, 64),
        STACKED,
    ),
    (
        "lion",
        {"exp_avg": floats(8, 4)},
        {"lr": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0.0},
        (8, 4),
        None,
    ),
    (
        "adafactor",
        {"step": 5, "exp_avg_sq_row": floats(8), "exp_avg_sq_col": floats(4), "RMS": floats()},
        {"lr": 1e-3, "eps": (1e-30, 1e-3), "beta1": None},
        (8, 4),
        None,
    ),
    (
        "adafactor",
        {"step": floats(), "row_var": floats(8, 1), "col_var": floats(1, 4)},
        {"lr": 1e-3, "beta2_decay": -0.8},
        (8, 4),
        None,
    ),
    ("muon", {"momentum_buffer": floats(8, 4)}, {"lr": 1e-3, "momentum": 0.95, "ns_steps": 5}, (8, 4), None),
    ("sgd", {"momentum_buffer": floats(8, 4)}, {"lr": 1e-3, "momentum": 0.9, "dampening": 0}, (8, 4), None),
    ("galore", {**MEANS, "projector": PROJECTOR}, GALORE, None, LOW),
    ("apollo", {**MEANS, "seed": 1, "projector": GRADIENT}, {**GALORE, "proj": "random"}, None, LOW),
    (
        "schedule_free",
        {"z": floats(8, 4), "exp_avg_sq": floats(8, 4)},
        {**ADAM, "train_mode": False},
        (8, 4),
        None,
    ),
    (
        "unknown",
        {"step": 5, "shampoo_factor": floats(8, 8)},
        ADAM,
        None,
        "no known optimizer keeps tensors named shampoo_factor",
    ),
)


@pytest.mark.parametrize(("kind", "entry", "group", "shape", "why"), CASES)
def test_every_kind_is_named(
    kind: str, entry: Mapping[str, object], group: Mapping[str, object], shape: object, why: str | None
) -> None:
    told = described(entry, group)
    assert (told.kind, told.why, told.decoded) == (kind, why, why is None)
    assert told.parameters[0].shape == shape
    assert told.mismatches == ()
    assert told.groups[0].lr == group["lr"], "the rest is still shown"
    if why is not None:
        assert told.says.endswith(f"its states are not decoded, because {why}")
        assert told.parameters[0].norms == {}


def test_bytes_are_places_in_a_table_times_a_factor() -> None:
    """300 elements in two blocks: 256 of table[2] = 0.5 times 4, then 44 of table[1] = -0.25 times 8."""
    table = Tensor([0.0, -0.25, 0.5, *[9.0] * 253], (256,))
    entry = {
        "state1": Tensor([2] * 256 + [1] * 44, (3, 100), "uint8"),
        "qmap1": table,
        "absmax1": Tensor([4.0, 8.0], (2,)),
    }
    told = described({"step": 5, BNB: entry}, {**ADAM, "betas": (0.9, 0.99), "eps": 0.0})
    assert told.parameters[0].norms == pytest.approx({"state1": math.sqrt(300 * 2.0**2)}, rel=1e-15)
    entry["absmax1"] = floats(3)
    told = described({"step": 5, BNB: entry}, {**ADAM, "betas": (0.9, 0.99), "eps": 0.0})
    assert told.mismatches == (
        "moments were not read: optimizer.pt has 3 factors for the 300 bytes of state1",
    )


def test_optimizers_without_tensors() -> None:
    plain = describe_optimizer(
        OptimizerState.parse(
            blob(make_torch({"state": {}, "param_groups": [{"params": [0], "momentum": 0, "dampening": 0}]}))
        )
    )
    assert (plain.kind, plain.says, plain.never_updated) == (
        "sgd",
        "the state of SGD without momentum, which keeps no state",
        (),
    )
    sharded = {
        "state": {"layer.weight": {"exp_avg": floats(2)}},
        "param_groups": [{"params": ["layer.weight"]}],
    }
    told = describe_optimizer(OptimizerState.parse(blob(make_torch(sharded))))
    assert told.kind == "unknown"
    assert (
        told.why
        == "it was never stepped, or keeps its states by name or in other files, as sharded training does"
    )


def test_hidden_states_are_bounded_too() -> None:
    with pytest.raises(CannotRead, match="holds 40 values for parameter 0"):
        described({BNB: {f"k{i}": 0 for i in range(40)}}, ADAM)


Make = Callable[[list[Any]], Any]
TORCH: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "Adam": ("adam", {}),
    "AdamW": ("adamw", {"amsgrad": True}),
    "NAdam": ("nadam", {}),
    "RAdam": ("radam", {}),
    "Adamax": ("adamax", {}),
    "Adafactor": ("adafactor", {}),
    "Adagrad": ("adagrad", {}),
    "Adadelta": ("adadelta", {}),
    "ASGD": ("asgd", {}),
    "RMSprop": ("rmsprop", {"momentum": 0.9, "centered": True}),
    "Rprop": ("rprop", {}),
    "SGD": ("sgd", {"momentum": 0.9}),
    "Muon": ("muon", {}),
}
BITSANDBYTES: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "AdamW": ("adamw", {}),
    "AdamW8bit": ("adamw 8-bit", {}),
    "PagedAdamW8bit": ("adamw 8-bit", {}),
    "PagedAdamW32bit": ("adamw", {}),
    "Lion": ("lion", {}),
    "Lion8bit": ("lion 8-bit", {}),
    "AdEMAMix": ("ademamix", {}),
    "AdEMAMix8bit": ("ademamix 8-bit", {}),
    "RMSprop": ("rmsprop", {}),
    "RMSprop8bit": ("rmsprop 8-bit", {}),
    "SGD": ("sgd", {"momentum": 0.9}),
    "SGD8bit": ("sgd 8-bit", {"momentum": 0.9}),
    "Adagrad": ("adagrad", {}),
    "LAMB": ("lamb", {}),
    "LARS": ("lars", {"momentum": 0.9}),
}
FACTORED: Mapping[str, Mapping[str, object]] = {"plain": {}, "momentum": {"beta1": 0.9}}


def saved(tmp_path: Path, make: Make) -> OptimizerDescription:
    """Two steps of a library's optimizer on a matrix of 4,096 elements and a small one, saved by torch."""
    torch = pytest.importorskip("torch")
    weights = [torch.nn.Parameter(torch.ones(64, 64)), torch.nn.Parameter(torch.ones(8, 4))]
    made = make(weights)
    for _ in range(2):
        sum((weight**2).sum() for weight in weights).backward()
        made.step()
        made.zero_grad()
    torch.save(made.state_dict(), tmp_path / "optimizer.pt")
    data = (tmp_path / "optimizer.pt").read_bytes()
    return describe_optimizer(OptimizerState.parse(blob(data, "optimizer.pt")), norms=True)


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
def test_norms_of_bytes_are_those_of_bitsandbytes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("bitsandbytes.functional")
    cls = pytest.importorskip("bitsandbytes").optim.AdamW8bit
    weight = torch.nn.Parameter(torch.zeros(70, 67))
    made = cls([weight], lr=1e-3)
    torch.manual_seed(3)
    for _ in range(3):
        weight.grad = torch.randn(70, 67)
        made.step()
    torch.save(made.state_dict(), tmp_path / "optimizer.pt")
    data = (tmp_path / "optimizer.pt").read_bytes()
    told = describe_optimizer(OptimizerState.parse(blob(data, "optimizer.pt")), norms=True)
    state = made.state[weight]
    for number in ("1", "2"):
        values = functional.dequantize_blockwise(
            state[f"state{number}"],
            absmax=state[f"absmax{number}"],
            code=state[f"qmap{number}"],
            blocksize=256,
        )
        assert told.parameters[0].norms[f"state{number}"] == pytest.approx(
            float(values.double().norm()), rel=1e-6
        )


def check(told: OptimizerDescription, kind: str) -> None:
    assert told.kind == kind, told.says
    assert [parameter.shape for parameter in told.parameters] == [(64, 64), (8, 4)]
    assert told.mismatches == ()
    assert told.steps in (((2.0, 2),), ()), "Muon and SGD count nothing"


@pytest.mark.rerun
@pytest.mark.parametrize("name", sorted(TORCH))
def test_states_that_torch_saves(name: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    kind, options = TORCH[name]
    cls = getattr(torch.optim, name, None)
    if cls is None:
        pytest.skip(f"this torch has no {name}")
    check(saved(tmp_path, lambda weights: cls(weights, lr=1e-3, **options)), kind)


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(BITSANDBYTES))
def test_states_that_bitsandbytes_saves(name: str, tmp_path: Path) -> None:
    bitsandbytes = pytest.importorskip("bitsandbytes")
    kind, options = BITSANDBYTES[name]
    cls = getattr(bitsandbytes.optim, name)
    check(saved(tmp_path, lambda weights: cls(weights, lr=1e-3, **options)), kind)


@pytest.mark.rerun
@pytest.mark.parametrize("options", sorted(FACTORED))
def test_states_that_transformers_adafactor_saves(options: str, tmp_path: Path) -> None:
    optimization = pytest.importorskip("transformers.optimization")
    settings = {"lr": 1e-3, "scale_parameter": False, "relative_step": False, **FACTORED[options]}
    check(saved(tmp_path, lambda weights: optimization.Adafactor(weights, **settings)), "adafactor")
