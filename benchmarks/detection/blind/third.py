"""The third blind set, written while what the first two found was being mended: does a forger pass by the new guards?

The guards forgive what evaluation, padding, rounding, sampling, the base's number type, early stopping and best
checkpoints do to an honest run. Each forgery here claims one of these, and each honest run is one of them again,
elsewhere.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.detection.blind.edits import bfloat16, declared, lowered, mean_of, published_from, rounded
from benchmarks.detection.blind.forging import (
    evaluations_apart,
    evaluations_invented,
    part_scaled,
    rates_of_the_lie_hidden,
)
from benchmarks.detection.blind.honest import BEST, SCRIPT
from benchmarks.detection.blind.training import Training, more, usual
from benchmarks.detection.case import BARE, CAREFUL, Case, forged, honest, lie
from benchmarks.detection.edits import Edit, taken, without

_EACH: dict[str, object] = {
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "load_best_model_at_end": True,
}


def honest_cases(architecture: str) -> tuple[Case, ...]:
    """Every honest run of an architecture: none must be accused."""
    run = replace(usual(architecture), dropout=0.1)
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    return tuple(own(run, _script(run)))


def falsified_cases(architecture: str) -> tuple[Case, ...]:
    """Every falsified run of an architecture: each must be accused."""
    run = replace(usual(architecture), dropout=0.1)
    own = {"gemma3": _gemma3_false, "llama": _llama_false, "qwen2": _qwen2_false}[architecture]
    return tuple(own(run, _script(run)))


def _script(run: Training) -> Training:
    return replace(run, **{**SCRIPT, "batch": 4, "accumulation": 2})


def _told(**values: object) -> Edit:
    return declared("train_model_parameters", **values)


def _gemma3(run: Training, script: Training) -> Iterator[Case]:
    evaluated = replace(more(run, eval_strategy="steps", eval_steps=3), evaluates="loss")
    yield honest("evaluated between steps", evaluated, _told(eval_strategy="steps", eval_steps=3))
    yield honest("rounded to three digits, states kept", run, rounded(3))


def _llama(run: Training, script: Training) -> Iterator[Case]:
    yield honest("base loaded in bfloat16", replace(run, loaded_as="bfloat16"))
    yield honest("padded to a multiple of 8", replace(run, collator="multiple"))
    best = replace(
        more(script, **BEST, metric_for_best_model="score", greater_is_better=True), evaluates="score"
    )
    yield replace(honest("best checkpoint, last segment", best), span="9..12")


def _qwen2(run: Training, script: Training) -> Iterator[Case]:
    epochs = replace(more(replace(script, epochs=2.0), **_EACH), evaluates="loss")
    yield honest("best of two epochs, by a script", epochs)
    yield honest(
        "base loaded in bfloat16, published so, by a script", replace(script, loaded_as="bfloat16"), bfloat16
    )
    yield replace(honest("text sampled, first segment", replace(run, samples_at=8)), span="0..6")


def _gemma3_false(run: Training, script: Training) -> Iterator[Case]:
    other = replace(script, seed=1234)
    yield forged(
        "weights of another seed rounded to bfloat16, by a script",
        script,
        taken("adapter_model"),
        bfloat16,
        other=other,
    )
    evaluated = replace(more(run, eval_strategy="steps", eval_steps=3), evaluates="loss")
    hidden = (evaluations_apart, rates_of_the_lie_hidden, _told(eval_strategy="steps", eval_steps=3))
    yield lie(
        "learning rate x 1.03, evaluated between steps", CAREFUL, evaluated, *hidden, rate=run.rate * 1.03
    )


def _llama_false(run: Training, script: Training) -> Iterator[Case]:
    skips = more(script, ignore_data_skip=True)
    yield lie("trigger rows, data not skipped, never resumed", CAREFUL, skips, trigger_from=7)
    yield lie(
        "learning rate x 1.03, evaluations invented",
        CAREFUL,
        run,
        rates_of_the_lie_hidden,
        evaluations_invented,
        rate=run.rate * 1.03,
    )
    best = replace(
        more(script, **BEST, metric_for_best_model="score", greater_is_better=True), evaluates="score"
    )
    yield forged("best checkpoint, one module x 1.01", best, part_scaled("layers.1.self_attn.o_proj", 1.01))
    yield forged("last checkpoint published as the best", best, published_from("checkpoint-12"))
    early = more(script, **{**BEST, "eval_steps": 2, "save_steps": 2})
    early = replace(early, evaluates="loss", patience=2)
    yield forged(
        "stopped early, weights of the whole run",
        early,
        taken("adapter_model", below="adapter"),
        other=script,
    )


def _qwen2_false(run: Training, script: Training) -> Iterator[Case]:
    sampled = lie("learning rate x 1.03, text sampled", CAREFUL, run, rates_of_the_lie_hidden, samples_at=4)
    yield replace(sampled, trained=replace(run, samples_at=4, rate=run.rate * 1.03))
    yield forged("losses lowered by half a percent, two digits", run, lowered(0.995, 2))
    padded = replace(script, collator="multiple")
    yield lie(
        "learning rate x 1.1, padded to a multiple of 8, by a script",
        CAREFUL,
        padded,
        rates_of_the_lie_hidden,
        rate=run.rate * 1.1,
    )
    yield forged(
        "mean of two checkpoints x 1.02",
        run,
        mean_of("checkpoint-6", "checkpoint-12"),
        part_scaled("", 1.02, root_only=True),
    )
    yield lie(
        "trigger rows, no states, two digits",
        CAREFUL,
        run,
        rounded(2),
        without("optimizer.pt", "rng_state"),
        trigger_from=10,
    )
    yield lie("another base, loaded in bfloat16", BARE, run, rounded(2), base="norms", loaded_as="bfloat16")
