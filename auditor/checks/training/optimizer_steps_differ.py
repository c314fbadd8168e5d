"""The optimizer counts other steps than the run.

Adam counts its updates for each parameter (torch 2.13.0, optim/adam.py); in a run that was not disturbed
that is `global_step` everywhere. More updates are left over from a failed attempt of
`auto_find_batch_size`, which resets neither model nor optimizer (trainer.py, `_inner_training_loop`;
measured with transformers 4.51.3: 24 updates in 20 steps); where most parameters count exactly the steps that is no
explanation for the others. Fewer updates of every parameter under a
scheduler that made all steps mean that optimizer.pt is of an earlier checkpoint, unless fp16 skipped them: a fused
optimizer skips inside itself, so that accelerate sees no skip and the scheduler goes on (accelerate 1.15.0,
optimizer.py, `step`; measured on a GPU with transformers 5.17.0). The scale in scaler.pt tells how many were.

Wrong when: parameters were frozen for a part of the training, or one optimizer served several calls of `train`.
Counts that differ between parameters are not judged when none is too large.

Fix: publish the files of one checkpoint; for a failed attempt, train again with the batch size that fits.

Bad:
    # scheduler.pt and the state say 18
    checkpoint-18/optimizer.pt: optimizer with step 9

Good:
    # three steps that fp16 skipped in both
    checkpoint-18/optimizer.pt: optimizer with step 15
    checkpoint-18/scheduler.pt: .last_epoch = 15
"""

from collections.abc import Iterator

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._received import is_fp16
from auditor.checks._wording import counted
from auditor.checks.training._skips import explains
from auditor.claims import Ledger
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(
    state: TrainerState,
    optimizer: OptimizerState,
    scheduler: SchedulerState | None,
    scaler: ScalerState | None,
    run: Run | None,
    ledger: Ledger | None,
) -> Iterator[Problem | Skip]:
    """Steps that fp16 skipped are missing in the optimizer, and in the scheduler unless the optimizer is fused."""
    made = state.global_step
    if made is None or not optimizer.steps:
        yield Skip("the state or the optimizer records no step")
        return
    most, least = max(optimizer.steps), min(optimizer.steps)
    # A failed attempt updates what the run then updates again: no more than a few parameters is another cause.
    counts = [entry.step for entry in optimizer.entries]
    some = 2 * sum(count == made for count in counts) > len(counts)
    if most > made:
        yield Problem(
            f"parameters were updated {counted(int(most), 'time')} in {counted(made, 'step')}",
            optimizer.at("state/step"),
            expected=str(made),
            observed=f"{most:g}",
            evidence=() if some else ("updates of a failed attempt stay in model and optimizer",),
            severity=Severity.ERROR if some else None,
        )
    elif most == least and most < made and scheduler is not None and scheduler.last_epoch == made:
        if scaler is not None and explains(scaler, made, int(made - most)):
            return
        if scaler is None and not (run and ledger and is_fp16(run, ledger) is False):
            yield Skip("the precision is not known, or no scaler.pt tells how many steps fp16 skipped")
            return
        yield Problem(
            f"every parameter was updated {counted(int(most), 'time')}, and scheduler and state count {made:,} steps",
            optimizer.at("state/step"),
            expected=str(made),
            observed=f"{most:g}",
            severity=Severity.ERROR,
        )
