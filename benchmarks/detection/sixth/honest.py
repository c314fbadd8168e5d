"""The honest runs of the sixth blind set: none must be accused.

What users of transformers, PEFT and TRL do and no earlier set has: other starts and parts of an adapter, other
optimizers and means of the loss, a checkpoint pushed instead of the end, Ctrl-C. ``expected`` names the verdicts
that would be right, and was written before the first look: *identical* where the files tell everything that a rerun
needs; *inconclusive* where a script keeps it to itself, or where a rerun cannot make it again and should say so.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.detection.blind.edits import declared
from benchmarks.detection.blind.honest import SCRIPT
from benchmarks.detection.case import Case, honest
from benchmarks.detection.fifth.honest import NEAR, OPEN, SAME, right
from benchmarks.detection.fourth.honest import told
from benchmarks.detection.sixth.forging import only_checkpoint
from benchmarks.detection.sixth.training import Run, lora, more, usual


def cases(architecture: str) -> tuple[Case, ...]:
    """Every honest run of an architecture."""
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    run = usual(architecture)
    script = replace(run, **{**SCRIPT, "batch": 4, "accumulation": 2})
    return tuple(own(run, script))


def random_start(run: Run) -> Run:
    """An adapter both of whose factors are drawn: ``init_lora_weights=False``."""
    return replace(run, init=False)


def token_rows(run: Run) -> Run:
    """Four rows of the embeddings are trained beside the adapter."""
    return lora(run, trainable_token_indices=[60, 61, 62, 63])


def stateless(run: Run) -> Run:
    """Gone on with at step 6 without states, so the optimizer and the schedule begin anew there."""
    return more(replace(run, resume_at=6), save_only_model=True)


def _gemma3(run: Run, script: Run) -> Iterator[Case]:
    # all of it is in the files: the state says that step 6 of 12 was reached
    yield right(honest("a checkpoint pushed instead of the end", run, only_checkpoint("checkpoint-6")), SAME)
    shares = more(run, logging_steps=0.25, save_steps=0.5)
    yield right(
        honest("logged and saved by shares of the steps", shares, told(logging_steps=0.25, save_steps=0.5)),
        SAME,
    )
    yield right(honest("both factors drawn (init_lora_weights=False)", random_start(run)), SAME)
    best = {"save_strategy": "best", "eval_strategy": "steps", "eval_steps": 2}
    saved = more(
        replace(run, schedule="constant_with_warmup", warmup_steps=2, evaluates="loss"),
        **best,
        metric_for_best_model="loss",
    )
    # in 4 bits an evaluation may round the base's scales for good, so the noise may be larger than nothing
    yield right(honest("saved when better, constant after a warm-up", saved, told(**best)), SAME, NEAR, OPEN)


def _llama(run: Run, script: Run) -> Iterator[Case]:
    yield right(honest("orthogonal start", replace(run, init="orthogonal")), SAME, OPEN)
    # the weights are those of step 9, the last checkpoint is that of step 6, and no row tells of an end
    yield right(honest("Ctrl-C after nine steps, saved by hand", replace(run, interrupted_at=9)), SAME, OPEN)
    yield right(honest("rows of four tokens trained", token_rows(run)), SAME, OPEN)
    # rates show that the schedule began anew; that the moments did no file says
    yield right(honest("resumed without states", stateless(run)), SAME, OPEN)
    # PEFT's configuration does not tell it; the optimizer has the moments of half of the tensors
    yield right(
        honest("lora_A kept still (LoRA-FA), by a script", replace(script, habit="A still")), SAME, OPEN
    )
    yield right(
        honest("mean of each batch's mean, by a script", replace(script, habit="batch mean")), SAME, OPEN
    )


def _qwen2(run: Run, script: Run) -> Iterator[Case]:
    # the second adapter is drawn before the Trainer seeds, so nothing of the training changes
    yield right(
        honest("a second adapter that stays as it was", replace(run, habit="second adapter")), SAME, OPEN
    )
    shuffled = replace(script, by="sft", sft='{"shuffle_dataset": true}')
    yield right(honest("shuffled by TRL", shuffled), SAME, OPEN)
    tuned = replace(script, by="sft", sft='{"loss_type": "dft"}')
    yield right(honest("dynamic fine-tuning (DFT), by TRL", tuned), SAME, OPEN)
    biased = lora(replace(run, targets="all-linear"), lora_bias=True, exclude_modules=["o_proj", "down_proj"])
    all_linear = declared("peft", target_modules="all-linear")
    yield right(honest("biases of lora_B, two kinds of modules left out", biased, all_linear), SAME, OPEN)
    yield right(honest("Lion", replace(run, optim="lion_32bit", rate=3e-4)), SAME, NEAR, OPEN)
    # nothing published is trained with these norms, and only the script's own file has them
    yield right(honest("norms trained beside the adapter, by a script", replace(script, habit="norms")), OPEN)
