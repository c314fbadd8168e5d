"""A logged cross entropy is below zero.

The loss of a language model or classifier is the mean of -log(p) with p at most 1, so it cannot be
negative; label smoothing and auxiliary losses of experts only add to it (torch 2.13.0, nn/functional.py,
`cross_entropy`). Half-precision logits that overflowed, a fused loss that subtracts its own normaliser in
low precision, or an edited file give such values; in public runs they stand beside gradient norms of NaN
and Infinity, in runs that collapsed.

Wrong when: another loss was trained under the Trainer's own log keys, such as a likelihood of one's own. Trainers
whose objective may be negative (GRPO, DPO, KTO, PPO, ...) are known by their arguments or by their log keys
(`reward`, `kl`, `logps/chosen`) and left alone, and so is a state that logs any key the Trainer does not.

Fix: look at the run from that step on: train it again in bfloat16 or with a lower learning rate.

Bad:
    checkpoint-18/trainer_state.json: /log_history/12/loss = -0.0002
    events: removed

Good:
    # a trainer whose objective may be negative logs keys of its own
    checkpoint-18/trainer_state.json: /log_history/12/loss = -0.0002
    checkpoint-18/trainer_state.json: /log_history/12/kl = 0.01
"""

from collections.abc import Iterator

from auditor.artifacts._fields import is_number
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import counted
from auditor.checks.training.events_differ_from_log_history import denied
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run, trainer_of

SEVERITY = Severity.WARNING

_OWN = frozenset(
    {"loss", "grad_norm", "learning_rate", "epoch", "step", "train_loss", "train_runtime", "total_flos"}
    | {"mean_token_accuracy", "num_tokens", "entropy", "num_input_tokens_seen", "memory/device_reserved"}
)
"""Keys of the Trainer's rows (transformers 5.23.0, trainer.py) and of TRL's SFT (trl 1.0, sft_trainer.py)."""
_ENTROPIES = frozenset({"CAUSAL_LM", "SEQ_2_SEQ_LM", "SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS"})
"""Task types whose heads are trained by cross entropy (SEQ_CLS with one label by a squared error)."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """Later states repeat the rows of earlier ones: the one with most such rows speaks for the run."""
    states = run.all(TrainerState)
    if not states:
        yield Skip("no trainer_state.json was read")
        return
    config = run.one(AdapterConfig)
    if config is None or config.task_type not in _ENTROPIES:
        yield Skip("the task is not known to be trained by a cross entropy")
        return
    if any(trainer_of(folder) not in (None, "SFT") for folder in run.folders) or not all(
        map(_is_plain, states)
    ):
        yield Skip("the trainer has an objective of its own")
        return
    state, below = max(((item, _below(item)) for item in states), key=lambda found: len(found[1]))
    wrong = denied(run, state) if below else frozenset()
    if below and all(("train/loss", step) in wrong for step, _ in below):
        yield Skip("the event file has other losses at those steps (events-differ-from-log-history)")
    elif below:
        step, loss = below[0]
        yield Problem(
            f"the loss is below zero in {counted(len(below), 'row')}, first {loss} at step {step}",
            state.at("/log_history"),
            expected="a cross entropy of at least 0",
            observed=str(loss),
        )


def _is_plain(state: TrainerState) -> bool:
    """Whether every row holds the Trainer's own keys and evaluation metrics only."""
    return all(key in _OWN or key.startswith(("eval_", "train_", "test_")) for key in state.row_keys)


def _below(state: TrainerState) -> list[tuple[object, object]]:
    pairs = zip(state.column("step"), state.column("loss"), strict=True)
    # Nearly all losses are floats that are not, which is asked first.
    return [
        (step, loss)
        for step, loss in pairs
        if not (type(loss) is float and loss >= 0) and is_number(loss) and loss < 0
    ]
