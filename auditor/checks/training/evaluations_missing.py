"""log_history lacks evaluations that the training arguments ask for.

With `eval_strategy` "steps" the Trainer evaluates at every multiple of `eval_steps` and appends a row with ``eval_``
keys, before it saves (transformers 4.51.3 and 5.23.0, trainer_callback.py, `DefaultFlowCallback.on_step_end`;
trainer.py, `_maybe_log_save_evaluate` and `evaluate`); without data to evaluate on it does not start. A log without
them lost them, and the ones that are gone may be those that got worse. The loops of TRL's PPO and RLOO trainers
evaluate nothing, whatever the arguments ask for (trl 0.19.1, ppo_trainer.py and rloo_trainer.py, `train`).

Wrong when: a trainer of its own evaluates without logging, a callback holds evaluations back, or they were first asked
for when the run was resumed and no checkpoint before is left.

Fix: publish the state as the Trainer wrote it.

Bad:
    *training_args.bin: .eval_strategy = "steps"
    *training_args.bin: .eval_steps = 500
    *trainer_state.json: /eval_steps = 6

Good:
    # 500 steps are more than the run has
    *training_args.bin: .eval_strategy = "steps"
    *training_args.bin: .eval_steps = 500
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._received import APART, arguments, copies_agree
from auditor.checks._wording import counted
from auditor.checks.training.log_rows_missing import missing
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_ASKING = ("eval_strategy", "evaluation_strategy", "eval_delay")


def check(run: Run) -> Iterator[Problem | Skip]:
    """The fullest log; one finding."""
    received = arguments(run)
    if str(received.get("eval_strategy", received.get("evaluation_strategy"))) != "steps":
        yield Skip("no argument asks for evaluation by steps")
        return
    if not copies_agree(run, _ASKING):
        yield Skip(APART)
        return
    if received.get("num_ppo_epochs") is not None:
        yield Skip("the loop of this trainer evaluates nothing")
        return
    if received.get("eval_delay"):
        yield Skip("evaluation was asked for after a delay")
        return
    state = max(run.all(TrainerState), key=lambda one: len(one.log_history), default=None)
    interval = state.eval_steps if state is not None else None
    if state is None or type(interval) is not int or interval < 1 or not state.log_history:
        yield Skip("no log_history with an interval of evaluation was read")
        return
    made = sorted(set(_evaluated(state)))
    due = (state.global_step or 0) // interval
    if due and not made:
        yield _problem(
            state, f"no evaluation, although {due:,} {'was' if due == 1 else 'were'} due", interval, interval
        )
        return
    gone = missing(made, interval)
    if gone:
        yield _problem(state, f"no evaluation of step {gone[0]:,}", interval, gone[0])


def _evaluated(state: TrainerState) -> Iterator[int]:
    """The steps of rows that an evaluation made."""
    for row in state.log_history:
        step = row.get("step")
        if type(step) is int and any(key.startswith("eval_") for key in row):
            yield step


def _problem(state: TrainerState, words: str, interval: int, step: int) -> Problem:
    return Problem(
        f"log_history holds {words}: the arguments ask for one every {counted(interval, 'step')}",
        state.at("/log_history"),
        expected=f"a row with eval_ keys at step {step:,}",
        observed="none",
    )
