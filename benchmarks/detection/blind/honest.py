"""The honest runs of the blind set: none must be accused. What ordinary users do, and files that were handled since."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.detection.blind.edits import (
    bfloat16,
    declared,
    moved,
    rounded,
    saved_again,
    without_root,
)
from benchmarks.detection.blind.training import Training, lora, more, usual
from benchmarks.detection.case import Case, honest
from benchmarks.detection.edits import ARGUMENTS, STATES, Edit, without

SCRIPT: Mapping[str, Any] = {"platform": "script", "max_length": None, "packing": False, "eos": False}
BEST = {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 3, "save_steps": 3}


def cases(architecture: str) -> tuple[Case, ...]:
    """Every honest run of an architecture."""
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    return tuple(own(usual(architecture)))


def _gemma3(run: Training) -> Iterator[Case]:
    script = replace(run, **SCRIPT, batch=4, accumulation=2)
    yield replace(honest("resumed, last segment", replace(run, resume_at=6)), span="6..12")
    yield replace(
        honest("another instruction set, prefix", replace(run, machine="avx2")), steps=6, span="prefix"
    )
    yield honest(
        "rounded log, nothing else but the adapter", run, rounded(4), without("checkpoint-", ARGUMENTS)
    )
    yield honest("published in bfloat16", run, bfloat16)
    yield replace(
        honest("bfloat16 compute, two threads", replace(run, bf16=True, machine="threads")), steps=6
    )
    tied = replace(run, quantization=False, targets=("q_proj", "v_proj", "lm_head"))
    yield honest("adapter on a tied head", tied)
    yield honest("every linear layer, by a script", replace(script, targets="all-linear"))
    yield honest("embeddings disturbed (NEFTune), by a script", more(script, neftune_noise_alpha=5.0))
    yield honest(
        "evaluated between steps, by a script", replace(more(script, **_evaluating(4)), evaluates="loss")
    )
    yield honest(
        "last batches dropped, by a script", more(replace(script, batch=7), dataloader_drop_last=True)
    )
    yield honest("only checkpoints", run, without_root)
    yield honest("moved into a folder", run, moved("outputs/run-1"))


def _llama(run: Training) -> Iterator[Case]:
    run = replace(run, dropout=0.1)
    script = replace(run, **SCRIPT)
    yield replace(honest("two threads, first segment", replace(run, machine="threads")), span="0..6")
    yield honest("gone on after a crash", replace(run, crash_at=9))
    best = more(script, **BEST, metric_for_best_model="score", greater_is_better=True)
    yield honest("best checkpoint loaded at the end", replace(best, evaluates="score"))
    early = more(script, **{**BEST, "eval_steps": 2, "save_steps": 2})
    yield honest("stopped early", replace(early, evaluates="loss", patience=2))
    yield honest("last checkpoint kept", more(run, save_total_limit=1), _saves(save_total_limit=1))
    yield honest("saved by a newer peft", run, saved_again("0.22.0"))
    yield honest("trailing partial epoch", replace(run, batch=5, accumulation=3, epochs=1.6))
    yield honest(
        "rows grouped by length, by a script", more(script, train_sampling_strategy="group_by_length")
    )
    yield honest("labels smoothed, by a script", more(script, label_smoothing_factor=0.1))
    yield honest(
        "warm-up as a share, by a script", more(replace(script, schedule="cosine"), warmup_steps=0.2)
    )
    yield honest(
        "ranks and alphas by module", lora(run, rank_pattern={"q_proj": 4}, alpha_pattern={"v_proj": 32})
    )
    yield honest("head saved whole", lora(run, modules_to_save=["lm_head"]))
    yield replace(honest("packed, segments", replace(run, packing=True, batch=1)), span="segments")
    yield honest("weight-decomposed (DoRA)", replace(run, dora=True))
    yield honest("TRL's own trainer, by a script", replace(script, by="sft"))
    yield honest("rows shuffled by the script", replace(script, rows="shuffled"))


def _qwen2(run: Training) -> Iterator[Case]:
    script = replace(run, **SCRIPT)
    yield replace(
        honest("own seed for the order, prefix", replace(run, data_seed=7, seed=3)), steps=5, span="prefix"
    )
    yield replace(honest("longer, a budget of six steps", replace(run, epochs=2.0)), steps=6)
    yield honest("gradient checkpointing, by a script", replace(script, checkpointing=True))
    yield honest(
        "logged every fifth step and the first", more(replace(run, logging_steps=5), logging_first_step=True)
    )
    each = more(replace(run, epochs=2.0), save_strategy="epoch", logging_strategy="epoch")
    yield honest("saved and logged each epoch", each, _saves(save_strategy="epoch", logging_strategy="epoch"))
    yield honest("a floor under the rate", more(script, **_FLOOR))
    yield honest("Adafactor, by a script", replace(script, optim="adafactor"))
    yield honest("number of steps given", replace(script, max_steps=11))
    yield honest("batches padded to the longest row of all", replace(script, collator="longest"))
    yield honest("the library's collator, by a script", replace(script, collator="lm"))
    yield honest("nine tenths of the shuffled rows, by a script", replace(script, rows="split"))
    yield honest("PiSSA start", replace(run, init="pissa"))
    yield honest("accumulation that does not divide", replace(run, batch=4, accumulation=5, epochs=2.0))
    yield honest("no states, published in bfloat16", run, without(*STATES), bfloat16)
    yield honest("Adam's other constants, by a script", more(replace(script, beta2=0.95), adam_epsilon=1e-6))


def _evaluating(steps: int) -> dict[str, object]:
    return {"eval_strategy": "steps", "eval_steps": steps}


def _saves(**values: object) -> Edit:
    return declared("train_model_parameters", **values)


_FLOOR: dict[str, object] = {
    "lr_scheduler_type": "cosine_with_min_lr",
    "lr_scheduler_kwargs": {"min_lr_rate": 0.1},
}
