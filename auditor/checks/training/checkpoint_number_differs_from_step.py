"""A checkpoint's folder carries another number than the step it was saved at, or its state has no step.

The Trainer names the folder `checkpoint-{global_step}` (transformers 4.51.3, trainer.py, `_save_checkpoint`; 392 of
392 public checkpoints agree). With another number the folder was renamed, or the state in it is of another
checkpoint, and resuming continues from the wrong place.

Wrong when: folders were renamed on purpose to line up several runs.

Fix: restore the folder's name or its own trainer_state.json.

Bad:
    checkpoint-18/trainer_state.json: /global_step = 17

Good:
    # a state outside of a checkpoint's folder
    trainer_state.json: /global_step = 17
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Problem, Severity, name_of
from auditor.runs import CHECKPOINT

SEVERITY = Severity.ERROR


def check(state: TrainerState) -> Iterator[Problem]:
    """States outside folders named checkpoint-N are not concerned."""
    match = CHECKPOINT.match(name_of(state.folder))
    if match is None or (state.global_step is None and not {"max_steps", "log_history"} <= state.keys):
        return
    number = int(match.group(1))
    if number != state.global_step:
        step = "no step" if state.global_step is None else f"step {state.global_step:,}"
        yield Problem(
            f"{state.folder} holds the state of {step}",
            state.at("/global_step"),
            expected=str(number),
            observed="null" if state.global_step is None else str(state.global_step),
        )
