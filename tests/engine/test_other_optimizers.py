"""Honest runs of other optimizers than AdamW raise nothing that AdamW does not."""

from collections.abc import Callable, Mapping
from functools import cache
from math import prod

import pytest

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.engine._feed import run_checks
from auditor.engine._rules import rules
from auditor.engine.audit import Options, look
from auditor.policy import Policy
from tests.builders.blobs import blob
from tests.builders.example_edits import pickled
from tests.builders.pickles import Global, New, Tensor, make_torch
from tests.builders.repositories import TINY_BASE, contents, healthy

Shape = tuple[int, ...]
RATES = {9: 0.001125, 18: 0.0}
"""The rates in force after steps 9 and 18: 2e-3, two warm-up steps, linear to 18."""
ADAM: Mapping[str, object] = {"betas": (0.9, 0.999), "eps": 1e-8}
BNB = "__bnb_optimizer_quant_state__"


def floats(step: int, *shape: int) -> Tensor:
    return Tensor([step / 1000] * prod(shape), shape)


def quantized(step: int, shape: Shape, *numbers: int) -> dict[str, object]:
    """Bytes from 512 elements on: the tiny run has no matrix of 4,096."""
    if prod(shape) < 512:
        return {f"state{number}": floats(step, *shape) for number in numbers}
    made: dict[str, object] = {}
    for number in numbers:
        made[f"state{number}"] = Tensor([step] * prod(shape), shape, "uint8")
        made[f"qmap{number}"] = floats(1, 256)
        made[f"absmax{number}"] = floats(1, -(-prod(shape) // 256))
    return made


def projected(step: int, shape: Shape, cls: str) -> dict[str, object]:
    means = {"exp_avg": floats(step, 4, shape[1]), "exp_avg_sq": floats(step, 4, shape[1])}
    module, _, name = cls.rpartition(".")
    return {
        **means,
        "step": step,
        "projector": New(Global(module, name), {"rank": 4, "ortho_matrix": floats(1, 4, 8)}),
    }


LOW: Mapping[str, object] = {
    "correct_bias": True,
    "rank": 4,
    "update_proj_gap": 200,
    "scale": 0.25,
    "proj_type": "std",
}
KINDS: Mapping[str, tuple[Callable[[int, Shape], Mapping[str, object]], Mapping[str, object]]] = {
    "adamw_bnb_8bit": (
        lambda n, s: {"step": n, BNB: quantized(n, s, 1, 2)},
        {**ADAM, "alpha": 0.0, "t_alpha": None},
    ),
    "paged_adamw_8bit": (lambda n, s: {"step": n, **quantized(n, s, 1, 2)}, ADAM),
    "paged_adamw_32bit": (
        lambda n, s: {"step": n, BNB: {"state1": floats(n, *s), "state2": floats(n, *s)}},
        {**ADAM, "alpha": 0.0, "t_alpha": None},
    ),
    "lion_8bit": (lambda n, s: {"step": n, BNB: quantized(n, s, 1)}, {**ADAM, "eps": 0.0}),
    "adafactor": (
        lambda n, s: {
            "step": n,
            "exp_avg_sq_row": floats(n, s[0]),
            "exp_avg_sq_col": floats(n, s[1]),
            "RMS": floats(n),
        },
        {"eps": (1e-30, 1e-3), "beta1": None, "scale_parameter": False, "relative_step": False},
    ),
    "sgd": (
        lambda n, s: {"momentum_buffer": floats(n, *s)},
        {"momentum": 0.9, "dampening": 0, "nesterov": False},
    ),
    "muon": (
        lambda n, s: {"momentum_buffer": floats(n, *s)},
        {"momentum": 0.95, "nesterov": True, "ns_steps": 5},
    ),
    "schedule_free_adamw": (
        lambda n, s: {"step": n, "z": floats(n, *s), "exp_avg_sq": floats(n, *s)},
        {**ADAM, "train_mode": False},
    ),
    "galore_adamw": (
        lambda n, s: projected(n, s, "galore_torch.galore_projector.GaLoreProjector"),
        {**ADAM, **LOW},
    ),
    "apollo_adamw": (
        lambda n, s: {**projected(n, s, "apollo_torch.random_projector.GradientProjector"), "seed": 1},
        {**ADAM, **LOW, "proj": "random"},
    ),
}


@cache
def shapes() -> tuple[Shape, ...]:
    read, _ = contents("tiny", "candidate")
    state = OptimizerState.parse(blob(read["checkpoint-18/optimizer.pt"], "checkpoint-18/optimizer.pt"))
    return tuple(shape for entry in state.entries if (shape := entry.shape) is not None)


def files(kind: str, more: int = 0) -> dict[str, bytes]:
    """Both checkpoints with the state of another optimizer, and arguments that ask for it; ``more`` steps than made."""
    read, _ = contents("tiny", "candidate")
    make, settings = KINDS[kind]
    data: dict[str, bytes] = {}
    for step, rate in RATES.items():
        group = {"lr": rate, "initial_lr": 0.002, "weight_decay": 0.0, **settings}
        state = {index: make(step + more, shape) for index, shape in enumerate(shapes())}
        groups = [{**group, "params": list(range(len(shapes())))}, {**group, "params": []}]
        data[f"checkpoint-{step}/optimizer.pt"] = make_torch({"state": state, "param_groups": groups})
    for folder in ("", "checkpoint-9/", "checkpoint-18/"):
        path = f"{folder}training_args.bin"
        data[path] = pickled(read[path], "optim", kind)
    return data


def found(data: Mapping[str, bytes]) -> set[tuple[str, str]]:
    """Rules and places. The declared config and the event file, which name AdamW, are left out."""
    snapshot = healthy(data=data, without=["cheetah-fine-tuning-config.json", "runs/"])
    outcome = run_checks(look(snapshot, Options(base=TINY_BASE)), list(rules().values()), Policy())
    assert not outcome.failed
    assert not [item.path for item in look(snapshot, Options()).contents.unread if "optimizer" in item.path]
    return {(finding.rule, finding.at.path) for finding in outcome.findings}


@cache
def usual() -> set[tuple[str, str]]:
    return found({})


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_honest_run_of_another_optimizer_raises_nothing_new(kind: str) -> None:
    assert len(shapes()) == 28
    assert found(files(kind)) <= usual()


@pytest.mark.parametrize("kind", ["adamw_bnb_8bit", "adafactor", "galore_adamw"])
def test_too_many_updates_are_seen_in_every_kind(kind: str) -> None:
    assert {rule for rule, _ in found(files(kind, more=5)) - usual()} == {"optimizer-steps-differ"}
