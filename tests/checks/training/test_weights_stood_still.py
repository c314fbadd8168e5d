"""weights-barely-moved on a lora_A that rests while its lora_B moves."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.compare._rounding import rounded
from auditor.model import Snapshot
from tests.builders.drawn import uniform_draws, words
from tests.builders.repositories import healthy
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons
from tests.rerun.variants import OPTIMIZERS, WEIGHTS, committed, run_of, with_tensors

RULE = "weights-barely-moved"
ROOT, NINE, EIGHTEEN = WEIGHTS
STATES = ("checkpoint-9/", "checkpoint-18/")
PREFIX = "base_model.model.model.language_model.layers."
MODULE = f"{PREFIX}1.mlp.up_proj"
BLOCK = (
    *(("self_attn.q_proj", 64, 64), ("self_attn.k_proj", 64, 32), ("self_attn.v_proj", 64, 32)),
    *(("self_attn.o_proj", 64, 64), ("mlp.gate_proj", 64, 128), ("mlp.up_proj", 64, 128)),
    ("mlp.down_proj", 128, 64),
)
"""The tiny base's modules with inputs and outputs, in the order of its class."""


@cache
def first_numbers() -> dict[str, NDArray[numpy.float32]]:
    """lora_A of every module as seed 42 draws it, by CPython's generator: nn.Linear draws both factors before."""
    stream, made = words(42), {}
    for layer in range(2):
        for name, inputs, outputs in BLOCK:
            for _ in range(8 * (inputs + outputs)):
                next(stream)
            numbers = uniform_draws(stream, 8 * inputs, 1 / math.sqrt(inputs))
            made[f"{PREFIX}{layer}.{name}"] = numpy.array(numbers, "f4").reshape(8, inputs)
    return made


def put_back(
    where: str, change: Callable[[NDArray[Any]], NDArray[Any]] = lambda a: a, path: str = ROOT
) -> bytes:
    """The adapter with the first numbers in lora_A of the modules whose name has this in it."""
    drawn = first_numbers()

    def edit(name: str, array: NDArray[Any]) -> NDArray[Any]:
        module = name.partition(".lora_")[0]
        return change(drawn[module]) if "lora_A" in name and where in module else array

    return with_tensors(committed()[path], edit)


def published(weights: bytes) -> Snapshot:
    return healthy(without=STATES, data={ROOT: weights})


def test_fails_for_a_lora_a_that_is_as_it_was_drawn_beside_a_lora_b_that_moved() -> None:
    assert found(RULE, published(put_back(MODULE))) == [
        finding(
            RULE,
            WARNING,
            "lora_A of 1 of 14 modules whose lora_B moved are still the numbers that seed 42 drew, to the last bit, "
            "after 18 steps",
            ROOT,
            f"{MODULE}.lora_A.weight",
            expected="numbers that moved as soon as lora_B was not zero",
            observed="the same bits",
        )
    ]


def test_every_lora_a_as_it_was_drawn_is_a_note() -> None:
    (only,) = found(RULE, published(put_back("")))
    assert only.severity is NOTE
    assert only.evidence == (
        "LoRA-FA freezes lora_A of every module (peft 0.21.2, optimizers/lorafa.py), which the card should say",
    )


def one_ulp(a: NDArray[Any]) -> NDArray[Any]:
    """One number moved by the least that float32 holds."""
    moved = a.copy()
    moved[0, 0] = numpy.nextafter(moved[0, 0], numpy.float32(1))
    return moved


def sixteen_bits(a: NDArray[Any]) -> NDArray[Any]:
    """As a base in float16 leaves them: a step of 2e-5 is less than half an ulp of 0.1 there."""
    return a.astype("f2").astype("f4")


@pytest.mark.parametrize("change", [one_ulp, sixteen_bits])
def test_passes_for_the_least_movement_and_for_numbers_of_sixteen_bits(change: Any) -> None:
    assert found(RULE, published(put_back(MODULE, change))) == []


def test_passes_for_a_module_that_rested_as_a_whole() -> None:
    """Without lora_B there is no gradient: untrained-layers counts those."""

    def rest(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return array * numpy.float32(0) if name.startswith(MODULE) and "lora_B" in name else array

    assert found(RULE, published(with_tensors(put_back(MODULE), rest))) == []


def of_checkpoint(
    where: str,
    apart: int = 10,
    factor: str = "lora_A",
    both: Callable[[NDArray[Any]], NDArray[Any]] = lambda a: a,
) -> Snapshot:
    """checkpoint-18 with a factor of checkpoint-9 in some modules, as if it were ``apart`` steps after it.

    ``both`` changes that factor in all copies.
    """
    from auditor.artifacts.adapter_weights import AdapterWeights

    before = run_of(committed()).checkpoints[0].one(AdapterWeights)
    assert before is not None

    def edit(name: str, array: NDArray[Any]) -> NDArray[Any]:
        return both(before.array(name)) if factor in name and where in name else array

    data = {path: with_tensors(committed()[path], edit) for path in WEIGHTS}
    step = {"checkpoint-9/trainer_state.json": {"/global_step": 18 - apart}}
    # Where moments are at hand, weights-rest-under-moments says it.
    return healthy(data=data, json_edits=step, without=OPTIMIZERS)


def test_fails_for_a_lora_a_that_rested_between_two_checkpoints() -> None:
    """No seed is needed for that."""
    assert found(RULE, of_checkpoint(MODULE)) == [
        finding(
            RULE,
            WARNING,
            "lora_A of 1 of 14 modules whose lora_B moved are those of checkpoint-9/adapter_model.safetensors, to the "
            "last bit, 10 steps later",
            EIGHTEEN,
            f"{MODULE}.lora_A.weight",
            expected="numbers that moved as soon as lora_B was not zero",
            observed="the same bits",
        )
    ]
    (every,) = found(RULE, of_checkpoint(""))
    assert every.severity is NOTE


def test_passes_a_factor_whose_type_rounds_its_steps_away() -> None:
    """Numbers of bfloat16 near 0.1 lie 5e-4 apart, and ten steps at 1e-4 may each be rounded away."""
    assert found(RULE, of_checkpoint(MODULE, both=lambda a: a))
    assert found(RULE, of_checkpoint(MODULE, both=lambda a: rounded(a, "BF16"))) == []


def test_passes_a_module_of_which_neither_factor_moved() -> None:
    """It was frozen, or got no gradient: while lora_B rests at zero lora_A does, and otherwise other rules tell."""
    assert found(RULE, of_checkpoint(MODULE, factor="lora_")) == []


def test_an_adapter_that_differs_from_its_checkpoint_is_told_as_that() -> None:
    told = "lora_A is not looked at: the run's adapters contradict each other"
    assert reasons(RULE, healthy(data={ROOT: put_back(MODULE)})) == [told]


def test_passes_between_checkpoints_that_are_near() -> None:
    assert found(RULE, of_checkpoint(MODULE, 9)) == []


def test_says_when_it_cannot_look_at_lora_a() -> None:
    random = numpy.random.default_rng(1)
    noise = put_back("", lambda a: random.uniform(-0.1, 0.1, a.shape).astype("f4"))
    assert reasons(RULE, published(noise)) == [
        "lora_A is not looked at: the numbers that lora_A began with are not known"
    ]
