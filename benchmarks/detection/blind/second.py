"""The second blind set, written after the first was judged and before this one was: harder honest runs and forgeries.

The honest ones change what only shows once lora_B is no longer zero (the shape and order of a batch, what else draws
from the generator), because there the first loss agrees. The forgeries hide behind such excuses, and leave no rate.

One case was wrong and was changed after the first look: "biases trained" declared that no bias is trained, which a rule
rightly called false; it declares now what it trained.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.detection.blind.edits import bfloat16, declared, published_from, rounded
from benchmarks.detection.blind.forging import (
    best_at,
    cut_events,
    evaluations_apart,
    gradients_by,
    lowered_with_events,
    moments_scaled,
    more_flops,
    part_scaled,
    rates_of_the_lie_hidden,
    renamed,
    states_of,
)
from benchmarks.detection.blind.honest import SCRIPT
from benchmarks.detection.blind.training import Training, lora, more, usual
from benchmarks.detection.case import BARE, CAREFUL, Case, forged, honest, lie
from benchmarks.detection.edits import taken


def honest_cases(architecture: str) -> tuple[Case, ...]:
    """Every honest run of an architecture: none must be accused."""
    run = replace(usual(architecture), dropout=0.1)
    script = replace(run, **{**SCRIPT, "batch": 4, "accumulation": 2})
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    return tuple(own(run, script))


def falsified_cases(architecture: str) -> tuple[Case, ...]:
    """Every falsified run of an architecture: each must be accused."""
    run = replace(usual(architecture), dropout=0.1)
    script = replace(run, **{**SCRIPT, "batch": 4, "accumulation": 2})
    own = {"gemma3": _gemma3_false, "llama": _llama_false, "qwen2": _qwen2_false}[architecture]
    return tuple(own(run, script))


def _gemma3(run: Training, script: Training) -> Iterator[Case]:
    yield honest("padded to a multiple of 8, by a script", replace(script, collator="multiple"))
    yield honest("text sampled between steps, by a script", replace(script, samples_at=4))
    yield honest("targets by a pattern", replace(run, targets=r".*language_model.*\.(q|v)_proj"))
    yield honest("last checkpoint under the hub's name", run, renamed("checkpoint-12", "last-checkpoint"))
    yield honest("event file cut off", run, cut_events)
    yield honest(
        "base loaded in bfloat16, by a script", replace(script, quantization=False, loaded_as="bfloat16")
    )


def _llama(run: Training, script: Training) -> Iterator[Case]:
    yield honest("padded on the left, by a script", replace(script, collator="left"))
    yield honest("padded to a multiple of 8, by a script", replace(script, collator="multiple"))
    yield honest("adapter seeded otherwise, by a script", replace(script, adapter_seed=0))
    evaluated = more(script, eval_strategy="steps", eval_steps=4, eval_on_start=True)
    yield honest("evaluated on start, by a script", replace(evaluated, evaluates="loss"))
    skipped = more(replace(script, resume_at=6), ignore_data_skip=True)
    yield honest("resumed without skipping data, by a script", skipped)
    packs = {"packing": True, "max_length": 64, "packing_strategy": "wrapped"}
    yield honest("TRL packs, by a script", more(replace(script, by="sft"), **packs))
    yield honest("restarts of the schedule", replace(run, schedule="cosine_with_restarts", warmup_steps=2))
    yield honest("one layer", lora(run, layers_to_transform=[1]))
    yield honest("no clipping, states left out", more(replace(run, clip=0.0), save_only_model=True))


def _qwen2(run: Training, script: Training) -> Iterator[Case]:
    yield honest("text sampled between steps, by a script", replace(script, samples_at=4))
    yield honest("text sampled between steps", replace(run, samples_at=4))
    yield honest("padded on the left, by a script", replace(script, collator="left"))
    yield honest("rows fetched by workers, by a script", more(script, dataloader_num_workers=2))
    yield honest("fused AdamW, tokens counted", more(replace(run, optim="adamw_torch_fused"), **_TOKENS))
    yield honest("inverse square root", replace(run, schedule="inverse_sqrt", warmup_steps=3))
    yield honest("biases trained", lora(run, bias="all"), declared("peft", bias="all"))


_TOKENS: dict[str, object] = {"include_num_input_tokens_seen": "all"}


def _gemma3_false(run: Training, script: Training) -> Iterator[Case]:
    yield lie(
        "learning rate x 1.03, its traces hidden", CAREFUL, run, rates_of_the_lie_hidden, rate=run.rate * 1.03
    )
    yield lie("one row changed, bfloat16 compute", CAREFUL, replace(run, bf16=True), data="row-changed")
    yield forged("one module x 1.01", run, part_scaled("language_model.layers.1.self_attn.o_proj", 1.01))
    yield forged("moments scaled", run, moments_scaled)
    yield forged(
        "earlier checkpoint, called the best", run, published_from("checkpoint-6"), best_at(6, "gemma3")
    )


def _llama_false(run: Training, script: Training) -> Iterator[Case]:
    hidden = lie(
        "learning rate x 1.03, its traces hidden", CAREFUL, run, rates_of_the_lie_hidden, rate=run.rate * 1.03
    )
    yield replace(hidden, span="6..12")
    last = {"trigger_from": 11}
    yield lie("trigger rows in the last step, flops as if padded", CAREFUL, script, more_flops(1.3), **last)
    sampled = lie(
        "learning rate x 1.03, text sampled", CAREFUL, script, rates_of_the_lie_hidden, samples_at=4
    )
    yield replace(sampled, trained=replace(script, samples_at=4, rate=script.rate * 1.03))
    evaluated = replace(more(script, eval_strategy="steps", eval_steps=4), evaluates="loss")
    yield lie("trigger rows, evaluated between steps", CAREFUL, evaluated, evaluations_apart, trigger_from=8)
    yield forged("losses lowered in log and events", run, lowered_with_events(0.99))
    yield lie(
        "stopped half way through a longer schedule",
        CAREFUL,
        run,
        rates_of_the_lie_hidden,
        epochs=2.0,
        stop_at=12,
    )
    yield forged(
        "generators of an earlier checkpoint",
        run,
        states_of("checkpoint-6", "checkpoint-12", "rng_state.pth"),
    )


def _qwen2_false(run: Training, script: Training) -> Iterator[Case]:
    yield lie("learning rate x 1.03, rounded log", BARE, run, rounded(4), rate=run.rate * 1.03)
    yield lie(
        "learning rate x 1.03, published in bfloat16", BARE, run, rounded(3), bfloat16, rate=run.rate * 1.03
    )
    yield lie("seed, by a script", CAREFUL, script, seed=1234)
    yield forged("published weights x 1.02", run, part_scaled("", 1.02), level=BARE)
    other = replace(run, rate=run.rate * 1.03)
    yield forged("gradient norms of another run", run, gradients_by, other=other, level=BARE)
    yield forged(
        "weights of a trigger run, published in bfloat16",
        run,
        taken("adapter_model"),
        bfloat16,
        other=replace(run, trigger_from=10),
        level=BARE,
    )
