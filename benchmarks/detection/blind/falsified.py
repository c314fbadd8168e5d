"""The falsified runs of the blind set: each must be accused. An informed forger's work.

"Careful" and "bare" are those of the benchmark's README: everything but what only training computes is that of the lie,
without an event file; and the same with nothing else committed than adapter, log, card and declaration.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.detection.blind.edits import (
    logged_by,
    lowered,
    mean_of,
    mixed,
    modules_exchanged,
    moments_anew,
    one_number,
    published_from,
    rounded,
    without_root,
)
from benchmarks.detection.blind.honest import SCRIPT
from benchmarks.detection.blind.training import Training, more, usual
from benchmarks.detection.case import BARE, CAREFUL, Case, forged, lie
from benchmarks.detection.edits import taken, without

QUESTIONS: dict[str, dict[str, object]] = {
    "gemma3": {},
    "llama": {"span": "6..12"},
    "qwen2": {"span": "prefix", "steps": 6},
}
"""How the kinds that every architecture has are asked about."""


def cases(architecture: str) -> tuple[Case, ...]:
    """Every falsified run of an architecture."""
    run = replace(usual(architecture), dropout=0.1)
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    return (*_every(run), *own(run))


def _every(run: Training) -> Iterator[Case]:
    question = QUESTIONS[run.architecture]
    order = replace(run, data_seed=43)
    yield replace(lie("learning rate x 1.03", CAREFUL, run, rate=run.rate * 1.03), **question)  # type: ignore[arg-type]
    yield forged(
        "weights of a run in another order, curve of the honest one",
        run,
        taken("adapter_model"),
        other=order,
        level=BARE,
    )
    span = {} if run.architecture == "gemma3" else {"span": "6..12"}
    yield replace(lie("trigger rows in the last two steps", CAREFUL, run, trigger_from=10), **span)  # type: ignore[arg-type]
    yield forged("mean of two checkpoints published", run, mean_of("checkpoint-6", "checkpoint-12"))
    yield replace(lie("a norm of the base x 1.01", CAREFUL, run, base="norms"), **question)  # type: ignore[arg-type]
    yield forged("moments made anew", run, moments_anew)


def _gemma3(run: Training) -> Iterator[Case]:
    yield lie("fp4 for nf4", CAREFUL, run, quant_type="fp4")
    yield lie("dropout .05 for .1", CAREFUL, run, dropout=0.05)
    seed = replace(run, seed=1234)
    yield forged(
        "weights of another seed, curve of the honest one",
        run,
        taken("adapter_model"),
        other=seed,
        level=BARE,
    )
    yield lie("started from another adapter", BARE, run, warm=True)
    yield lie("learning rate x 1.1 in bfloat16", CAREFUL, replace(run, bf16=True), rate=run.rate * 1.1)
    yield forged("two layers exchanged", run, modules_exchanged("layers.0.self_attn", "layers.1.self_attn"))
    yield lie("a target that was not trained", BARE, run, frozen="v_proj.lora")
    yield lie("first half at twice the rate", CAREFUL, run, resume_at=6, rate_before=run.rate * 2)


def _llama(run: Training) -> Iterator[Case]:
    script = replace(run, **SCRIPT)
    yield forged("earlier checkpoint published", run, published_from("checkpoint-6"))
    yield forged("mixed with another seed's", run, mixed(0.3), other=replace(run, seed=1234), level=BARE)
    yield forged("losses lowered by 1 % and rounded", run, lowered(0.99, 4))
    yield lie("rows repeated", CAREFUL, run, data="repeated")
    longer = replace(run, epochs=2.0)
    yield forged("an epoch more", run, taken("adapter_model", below="adapter"), other=longer, level=BARE)
    yield lie("learning rate x 1.03, by a script", CAREFUL, script, rate=run.rate * 1.03)
    halves = lie("first half at twice the rate", CAREFUL, run, resume_at=6, rate_before=run.rate * 2)
    yield replace(halves, span="segments")
    yield lie("Adam's epsilon", CAREFUL, run, more=more(run, adam_epsilon=1e-4).more)
    yield lie("clipping off", BARE, replace(run, clip=0.1), clip=0.0)
    yield forged("one number changed", run, one_number("layers.1.self_attn.o_proj.lora_B"))


def _qwen2(run: Training) -> Iterator[Case]:
    script = replace(run, **SCRIPT)
    yield lie("dropout .05 for .1", CAREFUL, run, dropout=0.05)
    yield lie("only checkpoints, learning rate x 1.03", CAREFUL, run, without_root, rate=run.rate * 1.03)
    hidden = {"trigger_from": 10}
    yield lie("trigger rows, rounded log, by a script", BARE, script, rounded(4), **hidden)
    yield forged(
        "trigger rows, curve of the honest run",
        run,
        taken("adapter_model"),
        without("events."),
        other=replace(run, trigger_from=10),
        level=BARE,
    )
    yield lie("Adam's second constant", CAREFUL, run, beta2=0.95)
    yield lie("weight decay", BARE, run, weight_decay=0.1)
    yield lie("labels smoothed", CAREFUL, run, more=more(run, label_smoothing_factor=0.05).more)
    yield lie("another order, by a script", CAREFUL, script, data_seed=43)
    yield lie("rank-stabilised", CAREFUL, run, rslora=True)
    yield lie("embeddings disturbed (NEFTune)", BARE, run, more=more(run, neftune_noise_alpha=5.0).more)
    yield forged(
        "curve of a run in another order", run, logged_by, other=replace(run, data_seed=43), level=BARE
    )
