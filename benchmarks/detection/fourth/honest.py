"""The honest runs of the fourth blind set: none must be accused.

What people set and do who train with transformers, PEFT and TRL, as far as the sets before had it not: where the files
tell it, a rerun could make the same run again; where a script keeps it to itself, the verdict has to stay open.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.detection.blind.edits import declared
from benchmarks.detection.blind.honest import SCRIPT
from benchmarks.detection.case import Case, honest
from benchmarks.detection.edits import Edit
from benchmarks.detection.fourth.forging import rescaled, through_bfloat16, written_otherwise
from benchmarks.detection.fourth.training import Run, lora, more, usual

SUPERVISED: Mapping[str, Any] = {**SCRIPT, "by": "sft", "data": "pairs"}
"""TRL's trainer on prompts and completions."""


def cases(architecture: str) -> tuple[Case, ...]:
    """Every honest run of an architecture."""
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    run = usual(architecture)
    script = replace(run, **{**SCRIPT, "batch": 4, "accumulation": 2})
    return tuple(own(run, script))


def told(**values: object) -> Edit:
    """The platform's declaration with these members of its trainer's section."""
    return declared("train_model_parameters", **values)


def _gemma3(run: Run, script: Run) -> Iterator[Case]:
    floor = replace(run, schedule="cosine_with_min_lr", clip=0.3, warmup_steps=3)
    yield honest("cosine with a floor, clipped at 0.3", more(floor, lr_scheduler_kwargs={"min_lr_rate": 0.1}))
    yield honest(
        "targets by a pattern of names", replace(run, targets=r".*language_model.*\.(q_proj|down_proj)")
    )
    patterns = lora(run, rank_pattern={"q_proj": 4}, alpha_pattern={"o_proj": 32})
    yield honest("ranks and alphas by module", patterns)
    pruned = more(replace(run, stops=(4, 8), save_steps=4), save_total_limit=1)
    yield honest("resumed twice, checkpoints pruned", pruned, told(save_total_limit=1))
    yield honest("8-bit AdamW", replace(run, optim="adamw_8bit"))
    yield honest("a callback that watches", replace(run, habit="watches"))
    thinly = more(replace(run, logging_steps=3), logging_first_step=True)
    yield honest("logged at the first and every third step", thinly)
    yield honest(
        "states not saved, rounded through bfloat16", more(run, save_only_model=True), through_bfloat16
    )
    yield honest("factors of another scale", run, rescaled)
    yield honest("accumulated over the whole epoch, eight epochs", replace(run, accumulation=40, epochs=8.0))


def _llama(run: Run, script: Run) -> Iterator[Case]:
    yield honest("rows in file order by a subclass, by a script", replace(script, habit="file order"))
    yield honest("rows in file order", more(run, train_sampling_strategy="sequential"))
    yield honest("rows grouped by length", more(run, train_sampling_strategy="group_by_length"))
    short = replace(run, accumulation=5, epochs=2.0, save_steps=5)
    yield honest("accumulation that does not divide the epoch", short)
    drop = more(replace(run, batch=5, data_seed=7), dataloader_drop_last=True)
    yield honest("last batch dropped, a seed for the data", drop)
    yield honest("embeddings trained whole", lora(run, modules_to_save=["embed_tokens"]))
    yield honest("PiSSA", replace(run, init="pissa"))
    yield honest("LoRA+, by a script", replace(script, habit="LoRA+"))
    yield honest("loss with a penalty, by a script", replace(script, habit="penalty"))
    yield honest("files of another writer", run, written_otherwise)
    yield honest("a loop without a Trainer", replace(script, by="loop", max_steps=12))
    more_epochs = replace(run, max_steps=10, epochs=3.0, schedule="cosine_with_restarts", beta2=0.95)
    yield honest(
        "steps set, epochs named too, restarts", more(more_epochs, lr_scheduler_kwargs={"num_cycles": 2})
    )
    yield honest("weight decay on lora_B alone", replace(script, habit="decay of B", weight_decay=0.1))


def _qwen2(run: Run, script: Run) -> Iterator[Case]:
    supervised = replace(script, **SUPERVISED)
    yield replace(honest("completions alone, by TRL", supervised), data="pairs")
    whole = replace(supervised, sft='{"completion_only_loss": false}')
    yield replace(honest("prompts learned too, by TRL", whole), data="pairs")
    packed = replace(supervised, data="train", sft='{"packing": true, "max_length": 64}')
    yield honest("packed by TRL", packed)
    yield replace(honest("more columns than the text", replace(run, data="columns")), data="columns")
    yield honest("packed by a script", replace(script, packing=True))
    smooth = more(replace(run, schedule="polynomial"), label_smoothing_factor=0.1)
    yield honest("smoothed labels, polynomial", more(smooth, lr_scheduler_kwargs={"power": 2.0}))
    biases = lora(replace(run, rslora=True, dora=True), bias="lora_only")
    yield honest("DoRA, rsLoRA and biases", biases, declared("peft", bias="lora_only"))
    one = lora(replace(run, init="gaussian"), layers_to_transform=[1], layers_pattern="layers")
    yield honest("one layer, drawn from a normal distribution", one)
    yield honest("prompts masked, by a script", replace(script, masked=True))
    yield honest("Adafactor, weight decay", replace(run, optim="adafactor", weight_decay=0.1))
    yield honest("rows sorted by length beforehand, by a script", replace(script, rows="sorted"))
    noisy = replace(run, schedule="warmup_stable_decay", warmup_steps=2)
    noisy = more(noisy, neftune_noise_alpha=5.0, lr_scheduler_kwargs={"num_decay_steps": 4})
    yield honest("NEFTune, warm-up, plateau and decay", noisy)
