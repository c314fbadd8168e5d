"""log_history skips steps at which the Trainer logs, between rows that keep the interval.

With `logging_strategy` "steps" the Trainer appends a row with the loss at every multiple of `logging_steps`
(transformers 4.46 to 5.23.0, trainer_callback.py, `DefaultFlowCallback.on_step_end`; trainer.py,
`_maybe_log_save_evaluate`), and a resumed run goes on from the checkpoint's rows. A hole with an unbroken interval on
both sides is left by nobody but an editor: the steps that are gone may be those where the loss rose.

Wrong when: a run was resumed twice, first with a longer interval that gave one row, then with the first interval again;
or a callback suppresses single logs.

Fix: publish the state as the Trainer wrote it.

Bad:
    # no copy has a row of step 4
    trainer_state.json: /log_history/3 removed
    checkpoint-9/trainer_state.json: /log_history/3 removed
    checkpoint-18/trainer_state.json: /log_history/3 removed

Good:
    # another loss is another rule's matter
    trainer_state.json: /log_history/3/loss = 6.0
    checkpoint-9/trainer_state.json: /log_history/3 removed
    checkpoint-18/trainer_state.json: /log_history/3 removed
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import counted
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.ERROR


def check(state: TrainerState, run: Run | None) -> Iterator[Problem | Skip]:
    """One finding a state, with the first step that has no row; what another copy has is found by comparing copies."""
    interval = state.logging_steps
    if type(interval) is not int or interval < 1:
        yield Skip("no interval of logging is known")
        return
    gone = missing([step for step, _ in state.logged("loss")], interval)
    others = run.all(TrainerState) if run is not None else ()
    told = {step for other in others if other is not state for step, _ in other.logged("loss")}
    if not told.isdisjoint(gone):
        yield Skip("another copy of the log has a loss there")
    elif gone:
        yield Problem(
            f"log_history has no loss at step {gone[0]:,}"
            + (f" nor at {counted(len(gone) - 1, 'other step')}" if len(gone) > 1 else "")
            + f", and one every {counted(interval, 'step')} before and after",
            state.at("/log_history"),
            expected=f"a row at step {gone[0]:,}",
            observed="none",
        )


MOST = 1000
"""Missing steps that are listed."""


def missing(steps: Sequence[int], interval: int) -> list[int]:
    """Multiples of the interval without a row, where a row and the one an interval beyond it stand on both sides."""
    known = {step for step in steps if step % interval == 0}
    found: list[int] = []
    ordered = sorted(known)
    for before, after in pairwise(ordered):
        kept = before - interval in known or before == interval
        if after - before > interval and kept and after + interval in known:
            found.extend(range(before + interval, min(after, before + interval * (MOST + 1)), interval))
    return found[:MOST]
