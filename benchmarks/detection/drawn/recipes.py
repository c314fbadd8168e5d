"""Random recipes: each setting drawn on its own from what people who train with PEFT and transformers commonly use.

Draws are of `random.Random`, so a seed and a number name a run on every machine.
"""

import json
from dataclasses import replace
from random import Random
from typing import Any

from benchmarks.detection.blind.training import Training, lora, more
from benchmarks.detection.recipe import ARCHITECTURES, ATTENTION

MLP = ("gate_proj", "up_proj", "down_proj")
ROWS, BLOCKS = 96, {32: 73, 64: 36}
"""Examples of an epoch: rows of the dataset, and blocks of so many tokens that packing makes of them, roughly."""
TARGETS: tuple[tuple[str, ...] | str, ...] = (
    ATTENTION,
    ATTENTION,
    ("q_proj", "v_proj"),
    (*ATTENTION, *MLP),
    "all-linear",
    MLP,
)
OPTIMIZERS = (
    *(("adamw_torch",) * 4),
    *(("adamw_torch_fused",) * 4),
    *("adamw_8bit", "paged_adamw_8bit", "paged_adamw_32bit", "adafactor", "sgd", "rmsprop"),
)
SCHEDULES = (
    *("linear", "linear", "cosine", "cosine", "constant", "constant_with_warmup"),
    *("cosine_with_restarts", "polynomial", "inverse_sqrt"),
)
"""What is listed twice is drawn twice as often."""
STEPS = (6, 13)
"""Fewest and most optimizer steps of a run."""


def drawn(seed: int, number: int) -> Training:
    """The run of a number."""
    draw = Random(f"{seed}/{number}")
    run = _rows(draw, _precision(draw, _adapter(draw, Training(architecture=draw.choice(ARCHITECTURES)))))
    run, steps = _length(draw, _optimizer(draw, run))
    run = _watched(draw, run)
    run = replace(
        run, seed=draw.choice((42, 42, 0, 3407, 1234)), data_seed=draw.choice((None, None, None, 7))
    )
    if draw.random() < 0.15:
        run = replace(run, resume_at=draw.randint(2, steps - 2))
    return _possible(run)


def _possible(run: Training) -> Training:
    """Qwen2 in 4 bits without what its biases do not let bitsandbytes do on a CPU: evaluate, or train them."""
    if not run.quantization or run.architecture != "qwen2":
        return run
    arguments, adapter = json.loads(run.more), json.loads(run.lora)
    kept = {key: value for key, value in arguments.items() if not key.startswith(("eval_", "load_best_"))}
    adapter.pop("bias", None)
    return replace(run, more=json.dumps(kept), lora=json.dumps(adapter), evaluates="")


def _often(draw: Random, share: float) -> bool:
    return draw.random() < share


def _adapter(draw: Random, run: Training) -> Training:
    rank = draw.choice((2, 4, 8, 8, 16, 32))
    targets = draw.choice(TARGETS)
    run = replace(
        run,
        rank=rank,
        alpha=draw.choice((rank, 2 * rank, 16, 32)),
        dropout=draw.choice((0.0, 0.0, 0.05, 0.1)),
        targets=targets,
        rslora=_often(draw, 0.15),
        dora=_often(draw, 0.07),
        init=draw.choice((True, True, True, True, True, True, "gaussian")),
    )
    if _often(draw, 0.15):
        run = lora(run, bias=draw.choice(("lora_only", "all")))
    if _often(draw, 0.15) and targets != "all-linear":
        run = lora(
            run, modules_to_save=draw.choice((["lm_head"], ["embed_tokens"], ["embed_tokens", "lm_head"]))
        )
    return run


def _precision(draw: Random, run: Training) -> Training:
    nf4 = _often(draw, 0.4)
    return replace(
        run,
        quantization=nf4,
        double_quant=_often(draw, 0.6),
        bf16=_often(draw, 0.35),
        loaded_as="float32" if nf4 or _often(draw, 0.75) else "bfloat16",
        checkpointing=_often(draw, 0.3),
        attention=draw.choice(("eager", "sdpa")),
    )


def _rows(draw: Random, run: Training) -> Training:
    platform = draw.choice(("cheetah", "cheetah", "llama-factory", "script", "script"))
    packing = _often(draw, 0.35)
    lengths = (32, 64) if packing else (64, 64, 24, None) if platform == "script" else (64, 64, 24)
    run = replace(
        run, platform=platform, packing=packing, eos=_often(draw, 0.6), max_length=draw.choice(lengths)
    )
    if not packing and _often(draw, 0.3):
        run = replace(run, collator="lm")
    if platform == "script" and _often(draw, 0.2):
        run = replace(run, rows=draw.choice(("shuffled", "split")))
    if _often(draw, 0.1):
        run = more(run, train_sampling_strategy="group_by_length")
    if _often(draw, 0.15):
        run = more(run, dataloader_drop_last=True)
    return run


def _optimizer(draw: Random, run: Training) -> Training:
    optim = draw.choice(OPTIMIZERS)
    rates = {"sgd": (0.1, 0.05), "rmsprop": (5e-4, 1e-3)}.get(optim, (2e-3, 1e-3, 5e-4, 2e-4))
    schedule = draw.choice(SCHEDULES)
    run = replace(
        run,
        optim=optim,
        rate=draw.choice(rates),
        schedule=schedule,
        weight_decay=draw.choice((0.0, 0.0, 0.01, 0.1)),
        clip=draw.choice((1.0, 1.0, 1.0, 0.3, 0.0)),
        beta2=draw.choice((0.999, 0.999, 0.99, 0.95)),
    )
    if schedule == "inverse_sqrt" or _often(draw, 0.4):
        run = replace(run, warmup_steps=draw.randint(1, 3))
    elif _often(draw, 0.4):
        run = more(run, warmup_steps=draw.choice((0.03, 0.1, 0.2)))
    if _often(draw, 0.05):
        run = more(run, neftune_noise_alpha=5.0)
    if _often(draw, 0.05):
        run = more(run, label_smoothing_factor=0.1)
    return run


def _length(draw: Random, run: Training) -> tuple[Training, int]:
    """Batch, accumulation and epochs or max_steps, so that there are as many steps as STEPS says; and their number."""
    examples = BLOCKS[run.max_length or 64] if run.packing else ROWS
    if run.rows == "split":
        examples = examples * 9 // 10
    drops = bool(json.loads(run.more).get("dataloader_drop_last"))
    while True:
        batch, accumulation = draw.choice((1, 2, 3, 4, 5, 8)), draw.choice((1, 1, 2, 3, 4, 5))
        if run.packing and drops and batch > 3:
            continue
        batches = examples // batch if drops else -(-examples // batch)
        steps = -(-batches // accumulation)
        if not 2 <= steps <= 30:
            continue
        if _often(draw, 0.4):
            wanted = draw.randint(*STEPS)
            return replace(run, batch=batch, accumulation=accumulation, max_steps=wanted), wanted
        epochs = draw.choice((1.0, 1.0, 2.0, 3.0, 0.5, 0.67, 1.5, 1.6, 2.3))
        expected = int(steps * epochs)
        if STEPS[0] <= expected <= STEPS[1]:
            return replace(run, batch=batch, accumulation=accumulation, epochs=epochs), expected


def _watched(draw: Random, run: Training) -> Training:
    """What is logged, evaluated and saved, and when."""
    run = replace(
        run, logging_steps=draw.choice((1, 1, 1, 2, 3, 5, 10)), save_steps=draw.choice((2, 3, 4, 6))
    )
    if _often(draw, 0.15):
        run = more(run, logging_first_step=True)
    if _often(draw, 0.1):
        run = more(run, logging_strategy="epoch")
    saves = draw.choice(("steps", "steps", "steps", "epoch", "no"))
    if saves != "steps":
        run = more(run, save_strategy=saves)
    if _often(draw, 0.3):
        run = _evaluated(draw, run, saves)
    if saves != "no" and _often(draw, 0.3):
        run = more(run, save_total_limit=draw.choice((1, 2)))
    if _often(draw, 0.08):
        run = more(run, save_only_model=True)
    return run


def _evaluated(draw: Random, run: Training, saves: str) -> Training:
    how: dict[str, Any] = {"eval_strategy": draw.choice(("steps", "epoch"))}
    best = saves != "no" and _often(draw, 0.5)
    if best:
        how = {"eval_strategy": saves, "load_best_model_at_end": True}
    if how["eval_strategy"] == "steps":
        how["eval_steps"] = run.save_steps if best else draw.choice((2, 3, 4))
    return more(replace(run, evaluates="loss"), **how)
