import json
import math
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import numpy
import pytest

from auditor.compare.reach import adam_factor
from auditor.model import Snapshot
from tests.builders.pickles import make_optimizer
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, NOTE, WARNING, found, reasons
from tests.rerun.variants import OPTIMIZERS, STATES, WEIGHTS, committed, scaled, with_tensors

RULE = "weights-outrun-optimizer"
ROOT, NINE, EIGHTEEN = WEIGHTS


def severities(snapshot: Snapshot) -> list[tuple[str, object]]:
    return [(item.at.path, item.severity) for item in found(RULE, snapshot)]


@pytest.mark.parametrize("seed_of_gradients", range(20))
def test_no_sequence_of_gradients_moves_adam_further_than_the_factor(seed_of_gradients: int) -> None:
    """Adam as its paper writes it (Kingma and Ba 2015, algorithm 1), with gradients that grow to provoke it."""
    draw = Random(seed_of_gradients)
    growth, mean, square = draw.uniform(0.8, 1.5), 0.0, 0.0
    for step in range(1, 60):
        gradient = draw.uniform(0.5, 1) * growth**step
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        moved = (mean / (1 - 0.9**step)) / math.sqrt(square / (1 - 0.999**step))
        assert moved <= adam_factor(step, 0.9, 0.999) * (1 + 1e-12)


def test_the_factor_is_reached_by_the_gradients_of_the_equality_case() -> None:
    """Cauchy and Schwarz is an equality where gradient i is a_i / b_i; summed here term by term, exactly."""
    one, two, steps = Fraction(9, 10), Fraction(999, 1000), 18
    a = [(1 - one) * one ** (steps - i) / (1 - one**steps) for i in range(1, steps + 1)]
    b = [(1 - two) * two ** (steps - i) / (1 - two**steps) for i in range(1, steps + 1)]
    gradients = [x / y for x, y in zip(a, b, strict=True)]
    mean = sum(x * g for x, g in zip(a, gradients, strict=True))
    square = sum(y * g * g for y, g in zip(b, gradients, strict=True))
    assert adam_factor(steps, 0.9, 0.999) == pytest.approx(float(mean) / math.sqrt(square), rel=1e-12)


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def next_rates() -> dict[str, dict[str, object]]:
    """The states as ms-swift 4.6.0 logs them: each row with the rate of the next step, the last one with 0."""
    edits: dict[str, dict[str, object]] = {}
    rows = json.loads(committed()[STATES[0]])["log_history"]
    rates = {row["step"] - 1: row["learning_rate"] for row in rows if "learning_rate" in row} | {18: 0.0}
    for path in STATES:
        rows = json.loads(committed()[path])["log_history"]
        edits[path] = {
            "/log_history": [
                {**row, "learning_rate": rates[row["step"]]} if "learning_rate" in row else row
                for row in rows
            ]
        }
    return edits


def test_passes_a_log_of_the_next_steps_rates() -> None:
    """A fresh run's first step then has the highest rate: ms-swift's own runs moved twice as far as they logged."""
    assert found(RULE, healthy(json_edits=next_rates())) == []
    every = scaled(committed(), 2.0)
    doubled = healthy(data={path: every[path] for path in WEIGHTS}, json_edits=next_rates())
    assert (EIGHTEEN, ERROR) in severities(doubled)


def test_fails_for_a_rescaled_adapter() -> None:
    """The bound at step 18 is 0.018569: the eighteen logged rates sum to 0.018, times factors of 1 to 1.13."""
    every = scaled(committed(), 2.0)
    assert severities(healthy(data={path: every[path] for path in WEIGHTS})) == [
        ("checkpoint-18/adapter_model.safetensors", ERROR),
        ("checkpoint-9/adapter_model.safetensors", WARNING),
    ]
    (_, last) = found(RULE, healthy(data={path: every[path] for path in (ROOT, EIGHTEEN)}))
    assert last.message == "14 of 14 tensors moved further in 18 steps from zero than Adam can move them"
    assert last.expected == "at most 0.0185694"


def test_fails_for_exchanged_checkpoints_and_for_noise() -> None:
    files = committed()
    swapped = {ROOT: files[NINE], NINE: files[EIGHTEEN], EIGHTEEN: files[NINE]}
    assert severities(healthy(data=swapped)) == [(NINE, WARNING)]
    draw = numpy.random.default_rng(1)
    noise = with_tensors(
        files[ROOT], lambda name, a: draw.normal(0, 0.02, a.shape).astype("f4") if "lora_A" in name else a
    )
    assert severities(healthy(data={ROOT: noise, EIGHTEEN: noise})) == [(EIGHTEEN, ERROR)]


DRAWN = {
    f"{folder}/adapter_config.json": {"/init_lora_weights": False}
    for folder in ("checkpoint-9", "checkpoint-18")
}


def test_fails_mildly_for_a_trained_start_that_is_called_a_drawn_one() -> None:
    """nn.Linear(8, n) draws within 1/sqrt(8) = 0.35355; 0.9 of it less the bound at step 9 is what must be left."""
    (only,) = found(RULE, healthy(json_edits=DRAWN))
    assert (only.severity, only.at.path) == (WARNING, NINE)
    assert only.message == (
        "14 lora_B lie nearer to zero than Adam can bring them in 9 steps from the draws that init_lora_weights false "
        "asks for: training began from another adapter"
    )
    bound = sum(rate * adam_factor(step, 0.9, 0.999) for step, rate in enumerate(logged_rates(9), 1))
    assert only.expected == f"a number of at least {0.9 / math.sqrt(8) - bound:.6g}"


def logged_rates(steps: int) -> list[float]:
    """The fixture's linear schedule of 18 steps, two of them warm-up, as its log has it: the rate of each step."""
    rows = json.loads(committed()["trainer_state.json"])["log_history"]
    return [row["learning_rate"] for row in rows if row.get("step", 99) <= steps and "learning_rate" in row]


def test_passes_a_drawn_start() -> None:
    draw = numpy.random.default_rng(5)
    files = committed()

    def drawn(name: str, a: Any) -> Any:
        start = draw.uniform(-1, 1, a.shape) / math.sqrt(8)
        return (a + start).astype("f4") if "lora_B" in name else a

    data = {NINE: with_tensors(files[NINE], drawn)}
    late = {"checkpoint-18/adapter_config.json": {"/init_lora_weights": "pissa"}}
    snapshot = healthy(data=data, json_edits={**DRAWN, **late})
    assert [item for item in found(RULE, snapshot) if item.at.path == NINE] == []


def test_says_when_it_cannot_look() -> None:
    skip = "no checkpoint holds an optimizer.pt that was read"
    assert reasons(RULE, seed()) == [skip]
    other = dict.fromkeys(OPTIMIZERS, make_optimizer([(2, 2)], 18))
    skips = [f"{path} is not of torch's Adam or AdamW" for path in OPTIMIZERS]
    assert reasons(RULE, healthy(data=other)) == skips
    folders = ("checkpoint-9", "checkpoint-18")
    pissa = {f"{folder}/adapter_config.json": {"/init_lora_weights": "pissa"} for folder in folders}
    assert reasons(RULE, healthy(json_edits=pissa)) == [
        f"whether lora_B of {path} started at zero is not known" for path in (NINE, EIGHTEEN)
    ]


@pytest.mark.parametrize("step", [-9, 0, -(10**30), 10**30])
def test_passes_steps_of_the_earlier_state_that_no_run_makes(step: int) -> None:
    """They are other rules' findings, and no number to count from."""
    assert found(RULE, healthy(json_edits={"checkpoint-9/trainer_state.json": {"/global_step": step}})) == []


@pytest.mark.parametrize("rate", [[2e-4], {}, "2e-4"])
def test_passes_a_highest_rate_that_is_no_number(rate: object) -> None:
    """The rate of the last step is one; the highest may have been any."""
    group = {"amsgrad": False, "initial_lr": rate}
    odd = dict.fromkeys(OPTIMIZERS, make_optimizer([(2, 2)], 18, group=group))
    assert found(RULE, healthy(data=odd)) == []
    assert reasons(RULE, healthy(data=odd)) == [
        f"{path} does not say its highest learning rate" for path in OPTIMIZERS
    ]


def continued(shift: float) -> Snapshot:
    """The honest run as the second stage: lora_B began 0.1 away, at another adapter that lies in a folder beside."""
    files = committed()

    def moved(by: float) -> Callable[[bytes], bytes]:
        def edit(name: str, a: Any) -> Any:
            return a + numpy.float32(by) if "lora_B" in name else a

        return lambda data: with_tensors(data, edit)

    weights = {path: moved(0.1)(files[path]) for path in WEIGHTS}
    first = {
        "sft/adapter_config.json": files["adapter_config.json"],
        "sft/adapter_model.safetensors": moved(0.1 + shift)(files[NINE]),
    }
    return healthy(data={**weights, **first})


def test_a_second_stage_is_a_note_where_the_first_one_lies_within_reach() -> None:
    (only,) = found(RULE, continued(0.0))
    assert (only.severity, only.at.path, only.also_at[0].path) == (NOTE, NINE, EIGHTEEN)
    assert only.message.endswith(
        "; from sft/adapter_model.safetensors they can, so training may have begun there"
    )
    (far,) = found(RULE, continued(0.05))
    assert (far.severity, "sft" in far.message) == (WARNING, False)


@pytest.mark.parametrize(("anew", "severity"), [(False, NOTE), (True, WARNING)])
def test_a_second_stage_is_a_note_where_a_file_names_the_first_one(anew: bool, severity: object) -> None:
    """LLaMA-Factory's keys (0.9.4): the adapter is trained on, unless it is merged and a new one begun."""
    every, path = scaled(committed(), 2.0), "cheetah-fine-tuning-config.json"
    weights = {path: every[path] for path in WEIGHTS}
    edits = {path: {"/adapter_name_or_path": "saves/sft", "/create_new_adapter": anew}}
    one = next(item for item in found(RULE, healthy(data=weights, json_edits=edits)) if item.at.path == NINE)
    assert one.severity == severity
    named = f"; {path} names an adapter that training went on from (adapter_name_or_path)"
    assert one.message.endswith(named) is not anew


def test_one_start_is_one_finding_however_many_checkpoints_there_are() -> None:
    every = scaled(committed(), 2.0)
    _, first = found(RULE, healthy(data={path: every[path] for path in WEIGHTS}))
    assert (first.at.path, [at.path for at in first.also_at]) == (NINE, [EIGHTEEN])
