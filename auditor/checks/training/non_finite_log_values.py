"""A loss or gradient norm in log_history is NaN or infinite.

A NaN loss means that training had broken down: every later update carries it on. `logging_nan_inf_filter` hides
NaN and infinite losses by default (transformers 4.51.3, training_args.py), so one that is visible was not even
filtered. A gradient norm that overflows in a few steps is what fp16's loss scaler expects: it skips the step.

Wrong when: a metric of an empty batch is NaN by design.

Fix: do not publish this checkpoint; lower the learning rate or train in bf16.

Bad:
    trainer_state.json: /log_history/3/loss = NaN

Good:
    # one gradient that overflowed, as fp16's scaler expects
    trainer_state.json: /log_history/3/grad_norm = NaN
    training_args.bin: .fp16 = true
    checkpoint-*/training_args.bin: .fp16 = true
"""

import math
from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._received import is_fp16
from auditor.checks._wording import counted
from auditor.claims import Ledger
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.ERROR

_LOSSES = ("loss", "train_loss", "eval_loss")
FEW = 0.02
"""Share of rows whose gradient norm may overflow under fp16: the scaler tries a larger scale every 2,000 steps."""


def check(run: Run, ledger: Ledger) -> Iterator[Problem | Skip]:
    """The state with the longest history speaks for the run."""
    state = max(run.all(TrainerState), key=lambda item: len(item.log_history), default=None)
    if state is None:
        yield Skip("no trainer_state.json was read")
        return
    for tag in _LOSSES:
        bad = _bad(state, tag)
        if bad:
            yield _problem(state, tag, bad, None)
    bad = _bad(state, "grad_norm")
    total = len(state.logged("grad_norm"))
    # Where nothing says that fp16 did not run, one overflow may have been the scaler's.
    allowed = 0 if is_fp16(run, ledger) is False else max(1, math.ceil(FEW * total))
    if len(bad) > allowed:
        yield _problem(state, "grad_norm", bad, Severity.WARNING)


def _bad(state: TrainerState, tag: str) -> list[int]:
    return [step for step, value in state.logged(tag) if not math.isfinite(value)]


def _problem(state: TrainerState, tag: str, steps: list[int], severity: Severity | None) -> Problem:
    total = len(state.logged(tag))
    return Problem(
        f"{tag} is not finite in {counted(len(steps), 'row')} of {total:,}, first at step {steps[0]:,}",
        state.at("/log_history"),
        expected="finite numbers",
        observed=f"{len(steps)} NaN or infinite",
        severity=severity,
    )
