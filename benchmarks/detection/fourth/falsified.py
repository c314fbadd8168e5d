"""The falsified runs of the fourth blind set: each must be accused, or left open with a reason.

Most are told by somebody who knows what an audit reads: declaration, arguments, scheduler, learning rates and counters
are those of a run that did what is said, and weights, moments, generators and losses those of the one that did not.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.detection.blind.edits import declared
from benchmarks.detection.blind.forging import evaluations_apart, rates_of_the_lie_hidden
from benchmarks.detection.blind.honest import SCRIPT
from benchmarks.detection.case import BARE, CAREFUL, Case, forged, lie
from benchmarks.detection.edits import configured, taken, without
from benchmarks.detection.fourth.forging import (
    counted,
    drawn_out,
    evaluations_improved,
    mixed_in,
    no_momentum,
    noise_in,
    optimizer_of,
    shifted,
    squeezed,
    thinned,
    times,
    token_edited,
)
from benchmarks.detection.fourth.honest import SUPERVISED, told
from benchmarks.detection.fourth.training import Run, lora, more, usual

_NO_MOMENTS = without("optimizer.pt")


def cases(architecture: str) -> tuple[Case, ...]:
    """Every falsified run of an architecture."""
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    run = usual(architecture)
    script = replace(run, **{**SCRIPT, "batch": 4, "accumulation": 2})
    return tuple(own(run, script))


def _gemma3(run: Run, script: Run) -> Iterator[Case]:
    cosine = replace(run, schedule="cosine")
    yield lie("cosine on paper, linear done", CAREFUL, cosine, rates_of_the_lie_hidden, schedule="linear")
    warm = replace(run, warmup_steps=3)
    yield lie("warm-up skipped", CAREFUL, warm, rates_of_the_lie_hidden, warmup_steps=0)
    poisoned = replace(run, then_data="trigger", then_steps=2)
    yield forged("two more steps on trigger rows", run, taken("adapter_model"), other=poisoned)
    yield forged(
        "noise of 1e-3 in one module", run, noise_in("language_model.layers.1.self_attn.v_proj", 1e-3)
    )
    yield lie(
        "rank 8 squeezed into 4", CAREFUL, replace(run, rank=4, alpha=8), squeezed(1.0), rank=8, alpha=16
    )
    yield lie("twice the dropout", CAREFUL, run, dropout=0.1)
    late = {"resume_at": 9, "rate": run.rate * 2, "rate_before": run.rate}
    yield lie("last steps at twice the rate", CAREFUL, run, rates_of_the_lie_hidden, **late)
    yield forged("losses a step early", run, shifted)
    yield forged("drawn out beyond the end", run, drawn_out(0.5, "checkpoint-6", "checkpoint-12"))
    yield lie("two rows of a trigger", BARE, run, data="poisoned")
    yield lie("noise on one matrix of the base", CAREFUL, run, base="matrix")


def _llama(run: Run, script: Run) -> Iterator[Case]:
    ordered = more(run, train_sampling_strategy="sequential")
    yield lie("file order on paper, shuffled", CAREFUL, ordered, more=run.more)
    smooth = more(run, label_smoothing_factor=0.1)
    yield lie("smoothed labels on paper", CAREFUL, smooth, more=run.more)
    yield lie("smoothed labels not told", CAREFUL, run, more=smooth.more)
    yield lie("clipped at 0.3 on paper", CAREFUL, replace(run, clip=0.3), clip=1.0)
    yield lie(
        "weight decay on paper, nothing else kept", BARE, replace(run, weight_decay=0.1), weight_decay=0.0
    )
    yield lie("two rows exchanged", CAREFUL, run, data="exchanged")
    yield lie("one digit of one row", CAREFUL, run, data="digit")
    embeddings = lora(run, modules_to_save=["embed_tokens"])
    yield forged("one token's trained embedding edited", embeddings, token_edited(60))
    yield forged("momentum of the last states zeroed", run, optimizer_of("checkpoint-12", no_momentum))
    yield forged(
        "states of step 6 as those of step 12",
        run,
        optimizer_of("checkpoint-12", counted(12, 0.0), "checkpoint-6"),
    )
    yield lie("LoRA+ not told", CAREFUL, run, _NO_MOMENTS, habit="LoRA+")
    other = taken("adapter_model", "optimizer.pt", "rng_state", below="checkpoint-6")
    yield forged("first checkpoint of another run", run, other, other=replace(run, data="other"))
    yield lie("half of the rows twice", CAREFUL, run, data="half-twice")
    yield forged("two steps left out of the log", run, thinned(4, 9))


def _qwen2(run: Run, script: Run) -> Iterator[Case]:
    supervised = replace(script, **SUPERVISED)
    prompts = lie("completions alone on paper", CAREFUL, supervised, sft='{"completion_only_loss": false}')
    yield replace(prompts, data="pairs")
    noisy = more(run, neftune_noise_alpha=5.0)
    yield lie("NEFTune on paper", CAREFUL, noisy, more=run.more)
    yield forged("rsLoRA written afterwards", run, configured(use_rslora=True))
    biases = lora(run, bias="lora_only")
    told_biases = declared("peft", bias="lora_only")
    yield forged("biases zeroed", biases, told_biases, times("bias", 0.0))
    yield lie("a seed for the data on paper", CAREFUL, replace(run, data_seed=7), data_seed=None)
    evaluated = replace(more(run, eval_strategy="steps", eval_steps=3), evaluates="loss")
    evaluations = told(eval_strategy="steps", eval_steps=3)
    yield forged("evaluations improved", evaluated, evaluations, evaluations_improved)
    early = taken("adapter_model", below="adapter")
    yield forged("weights of the step before the last", run, early, other=replace(run, stop_at=11))
    yield lie("one token's embedding of the base", CAREFUL, run, base="token")
    yield forged("DoRA's magnitudes x 1.01", replace(run, dora=True), times("lora_magnitude_vector", 1.01))
    yield lie(
        "Adafactor on paper", CAREFUL, replace(run, optim="adafactor"), _NO_MOMENTS, optim="adamw_torch"
    )
    polynomial = more(replace(run, schedule="polynomial"), lr_scheduler_kwargs={"power": 2.0})
    plain = {"schedule": "linear", "more": run.more}
    yield lie("polynomial on paper", CAREFUL, polynomial, rates_of_the_lie_hidden, **plain)
    yield forged("a hundredth of another run mixed in", run, mixed_in(0.01), other=replace(run, seed=43))
    yield lie(
        "rows grouped by length on paper",
        CAREFUL,
        more(run, train_sampling_strategy="group_by_length"),
        more="{}",
    )
    yield lie(
        "one row twice in the place of another, evaluated",
        CAREFUL,
        evaluated,
        evaluations,
        evaluations_apart,
        data="twin",
    )
