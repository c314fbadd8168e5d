"""The falsified runs, by kind: each declares what was not done, or publishes what was not trained."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from benchmarks.detection.case import BARE, CAREFUL, CARELESS, USUAL, Case, forged, lie
from benchmarks.detection.edits import (
    averaged,
    exchanged,
    invented_after,
    log,
    noise,
    replaced,
    scaled,
    smoothed,
    state,
    taken,
    zeroed,
)
from benchmarks.detection.recipe import Recipe


def cases(architecture: str) -> tuple[Case, ...]:
    """Every falsified run of an architecture."""
    usual = USUAL[architecture]
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    return (*_every(usual), *own(usual))


def _every(usual: Recipe) -> Iterator[Case]:
    """Kinds that every architecture has."""
    another = replace(usual, seed=1234)
    yield lie("seed", CAREFUL, usual, seed=1234)
    yield lie("learning rate x 1.1", CAREFUL, usual, rate=usual.rate * 1.1)
    yield lie("learning rate / 10", BARE, usual, rate=usual.rate / 10)
    yield lie("accumulation not applied", CAREFUL, usual, accumulation=1, max_steps=12)
    yield lie("another schedule", CAREFUL, usual, schedule="constant")
    yield lie("one row changed", CAREFUL, usual, data="row-changed")
    yield lie("another file of data", BARE, usual, data="other")
    yield lie("another base of the same shape", CAREFUL, usual, base="other")
    yield forged("weights of another run", usual, taken("adapter_model"), other=another)
    yield forged("optimizer of another run", usual, taken("optimizer.pt"), other=another)
    yield forged("events of another run", usual, taken("events."), other=another)
    yield forged("generators of another run", usual, taken("rng_state"), other=another)
    yield forged("curve smoothed", usual, smoothed)
    yield forged("noise on the published weights", usual, noise(1e-3, root_only=True))
    yield forged("weights scaled", usual, scaled(1.05))
    yield forged("one layer of another run", usual, replaced("layers.1."), other=another)
    yield forged("average of two runs", usual, averaged, other=another)


def _gemma3(usual: Recipe) -> Iterator[Case]:
    yield lie("quantization", CAREFUL, usual, quantization=False)
    yield lie("dropout not applied", CAREFUL, usual, dropout=0.0)
    single = replace(usual, double_quant=False)
    computed = ("adapter_model", "optimizer.pt", "rng_state", "trainer_state")
    yield forged("double quantization", usual, taken(*computed), other=single)
    yield lie("learning rate x 2", CARELESS, usual, rate=usual.rate * 2)
    yield lie("alpha", BARE, replace(usual, alpha=32), alpha=16)
    yield forged(
        "steps claimed", usual, taken("adapter_model", below="adapter"), other=replace(usual, stop_at=6)
    )
    yield forged("a layer never trained", usual, zeroed("layers.0.self_attn"))
    yield forged("flops edited", usual, state(total_flos=10**12))


def _llama(usual: Recipe) -> Iterator[Case]:
    yield lie("order of data", CAREFUL, usual, data="reversed")
    yield lie("quantization hidden", BARE, usual, quantization=True)
    yield lie("weight decay", CAREFUL, replace(usual, weight_decay=0.1), weight_decay=0.0)
    yield lie("learning rate x 1.1", BARE, usual, rate=usual.rate * 1.1)
    factory = replace(usual, platform="llama-factory")
    yield lie("seed", CARELESS, factory, seed=1234)
    yield lie("learning rate x 2, LLaMA-Factory", CARELESS, factory, rate=usual.rate * 2)
    yield lie("one row changed, LLaMA-Factory", CAREFUL, factory, data="row-changed")
    yield lie("another base, LLaMA-Factory", CAREFUL, factory, base="other")
    yield lie("dropout applied", BARE, usual, dropout=0.2)
    yield forged(
        "checkpoint of another run",
        usual,
        taken("adapter_model", below="checkpoint-6"),
        other=replace(usual, seed=5),
    )
    yield forged("curve lowered", usual, log(_lower))
    yield forged("noise on every copy", usual, noise(1e-2))


def _qwen2(usual: Recipe) -> Iterator[Case]:
    yield lie("learning rate x 2", CAREFUL, usual, rate=usual.rate * 2)
    yield lie("clipping", CAREFUL, replace(usual, clip=0.1), clip=1.0)
    yield lie("warm-up", CAREFUL, replace(usual, warmup_steps=4), warmup_steps=0)
    yield lie("half the batch", CAREFUL, usual, batch=2, max_steps=12)
    yield lie("order of data", BARE, usual, data="reversed")
    yield forged("checkpoints exchanged", usual, exchanged("checkpoint-6", "checkpoint-12"))
    yield forged("log of another run", usual, taken("trainer_state"), other=replace(usual, seed=1234))
    script = replace(usual, platform="script", max_length=None)
    yield lie("one row changed, by a script", CAREFUL, script, data="row-changed")
    yield lie("learning rate x 1.1, by a script", CAREFUL, script, rate=usual.rate * 1.1)
    yield lie("another file of data, by a script", CAREFUL, script, data="other")
    half = replace(usual, stop_at=6)
    yield forged(
        "steps claimed",
        usual,
        taken("adapter_model", below="adapter"),
        invented_after(6),
        other=half,
        level=BARE,
    )


def _lower(row: dict[str, Any]) -> None:
    if "loss" in row and row["step"] > 4:
        row["loss"] *= 0.97
