"""The learning-rate scheduler made fewer steps than the run.

Each optimizer step is followed by one scheduler step, except where fp16's loss scaler skipped the former
(transformers 4.51.3, trainer.py, `_inner_training_loop`). Without fp16 a scheduler that is behind is of an earlier
checkpoint, or the schedule began anew when training was resumed. In 226 of 260 public checkpoints the counts are
equal, and all others ran in fp16. `reduce_lr_on_plateau` steps once an evaluation and is not judged.

Wrong when: another precision scaler skipped steps. Under fp16 the rule is silent, unless the scale in scaler.pt
excludes that many skips.

Fix: publish scheduler.pt and trainer_state.json of one checkpoint.

Bad:
    checkpoint-18/scheduler.pt: .last_epoch = 15

Good:
    # three steps that fp16 skipped: 65536 / 2^3
    checkpoint-18/scheduler.pt: .last_epoch = 15
    checkpoint-18/scaler.pt: scaler with scale 8192
"""

from collections.abc import Iterator

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

_PLATEAU = {"num_bad_epochs", "patience"}
"""Keys of ReduceLROnPlateau's state alone (torch 2.13.0, optim/lr_scheduler.py)."""


def check(
    state: TrainerState,
    scheduler: SchedulerState,
    scaler: ScalerState | None,
    run: Run | None,
    ledger: Ledger | None,
) -> Iterator[Problem | Skip]:
    """Both counts of one folder."""
    if scheduler.raw.keys() >= _PLATEAU:
        yield Skip("reduce_lr_on_plateau counts evaluations, not steps")
        return
    if state.global_step is None or scheduler.last_epoch is None:
        yield Skip("the state or the scheduler records no step")
        return
    behind = state.global_step - scheduler.last_epoch
    if behind <= 0:
        return
    fp16 = is_fp16(run, ledger) if run is not None and ledger is not None else None
    reason = ""
    if scaler is not None or fp16:
        if scaler is None or scaler.growths_minus_skips is None:
            return
        if explains(scaler, scheduler.last_epoch, behind):
            return
        reason = f"the scale of scaler.pt is {scaler.scale:g}, which {counted(behind, 'skipped step')} would not leave"
    elif fp16 is None:
        yield Skip("the precision is not known, and fp16 skips steps")
        return
    yield Problem(
        f"the scheduler is at step {scheduler.last_epoch:,}, and the run at step {state.global_step:,}",
        scheduler.at("last_epoch"),
        expected=str(state.global_step),
        observed=str(scheduler.last_epoch),
        evidence=(reason,) if reason else ("fp16, whose scaler skips steps, did not run",),
    )
