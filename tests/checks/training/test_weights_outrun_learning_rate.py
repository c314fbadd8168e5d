from typing import Any

import numpy

from auditor.model import Snapshot
from tests.builders.example_edits import pickled
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons
from tests.rerun.variants import committed, scaled, with_tensors

RULE = "weights-outrun-learning-rate"
ROOT = "adapter_model.safetensors"
STATES = ("checkpoint-9/", "checkpoint-18/")


def published(weights: bytes | None = None, **more: Any) -> Snapshot:
    """The honest run as it is usually published: without its checkpoints."""
    return healthy(without=STATES, data={ROOT: weights or committed()[ROOT]}, **more)


def test_passes_for_the_honest_run_and_for_a_moderate_length() -> None:
    assert found(RULE, published()) == []
    assert found(RULE, published(scaled(committed(), 0.5)[ROOT])) == []


def test_fails_for_a_rescaled_adapter() -> None:
    """Rates 0, .001, then .002 x 16/16 to 1/16 sum to 0.018; honest weights reach that, ten times that is 0.18."""
    weights = scaled(committed(), 9.0)[ROOT]
    (only,) = found(RULE, published(weights))
    observed = float(only.observed or "nan")
    assert 0.1 < observed < 0.2
    assert only == finding(
        RULE,
        WARNING,
        "lora_B of 14 of 14 modules moved further than 18 steps at the claimed learning rate can move it",
        ROOT,
        only.at.member,
        expected="about 0.018 at most, the sum of the rates",
        observed=f"{observed:.6g}",
    )


def test_another_basis_is_a_note() -> None:
    """B M and M^-1 A with M = Q / 10 is the same update; lora_A becomes bell-shaped and ten times as wide."""
    turn = numpy.linalg.qr(numpy.random.default_rng(5).normal(size=(8, 8)))[0]

    def edit(name: str, a: Any) -> Any:
        return (a @ turn * 10 if "lora_B" in name else turn.T @ a / 10).astype("f4")

    (only,) = found(RULE, published(with_tensors(committed()[ROOT], edit)))
    assert only.severity is NOTE
    assert only.message.endswith("so this may be another basis of the same update")


def test_says_when_it_cannot_look() -> None:
    unknown = "lora_A is not looked at: the numbers that lora_A began with are not known"
    assert reasons(RULE, seed()) == ["the run has no adapter of its own that could be read", unknown]
    assert reasons(RULE, healthy()) == [
        "the optimizer's state is at hand, which bounds the weights more sharply"
    ]
    pissa = {"adapter_config.json": {"/init_lora_weights": "pissa"}}
    assert reasons(RULE, published(json_edits=pissa)) == [
        "whether lora_B started at zero is not known",
        unknown,
    ]
    declared = {"cheetah-fine-tuning-config.json": {"/loraplus_lr_ratio": 16}}
    assert reasons(RULE, published(json_edits=declared)) == [
        "cheetah-fine-tuning-config.json gives lora_B a rate of its own (loraplus_lr_ratio)"
    ]


def test_without_a_known_schedule_every_step_counts_in_full() -> None:
    """reduce_lr_on_plateau has no closed form: 18 x 0.002 = 0.036, of which 0.018 x 4 is twice."""
    arguments = committed()["training_args.bin"]
    plateau = {"training_args.bin": pickled(arguments, "lr_scheduler_type", "reduce_lr_on_plateau")}
    for factor, count in ((3.0, 0), (6.0, 1)):
        weights = {ROOT: scaled(committed(), factor - 1)[ROOT]}
        assert len(found(RULE, healthy(without=STATES, data={**weights, **plateau}))) == count
