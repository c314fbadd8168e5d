"""The control flags in a checkpoint's state are not those of a checkpoint being saved.

The Trainer copies the flags of TrainerControl while it saves: `should_save` is still true, logging and evaluation of
that step are done and their flags taken back, and `should_training_stop` is true from `max_steps` on (transformers
4.51.3 and 5.23.0, trainer.py, `_maybe_log_save_evaluate`, `_save_checkpoint`; trainer_callback.py,
`DefaultFlowCallback`; 89 of 89 public checkpoints agree). Other flags were edited, and a state that says that training
stopped is contradicted by a later checkpoint of the same run.

Wrong when: a callback calls the Trainer's saving itself, or a run that had stopped early was resumed.

Fix: publish the state as the Trainer wrote it.

Bad:
    checkpoint-9/trainer_state.json: /stateful_callbacks/TrainerControl/args/should_training_stop = true

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import shown
from auditor.model import Problem, Severity, Skip
from auditor.runs import Folder, Run

SEVERITY = Severity.WARNING

POINTER = "/stateful_callbacks/TrainerControl/args"
_SAVED: Mapping[str, bool] = {
    "should_save": True,
    "should_log": False,
    "should_evaluate": False,
    "should_epoch_stop": False,
}


def check(run: Run) -> Iterator[Problem | Skip]:
    """Each checkpoint's state; a final state keeps the flags of the last save and is not judged."""
    seen = False
    for folder in run.checkpoints:
        for state in folder.all(TrainerState):
            flags = _flags(state)
            if flags is not None:
                seen = True
                yield from list(_wrong(run, folder, state, flags))[:1]
    if not seen:
        yield Skip("no state of a checkpoint holds the flags of TrainerControl")


def _flags(state: TrainerState) -> Mapping[str, object] | None:
    found: object = state.raw
    for key in ("stateful_callbacks", "TrainerControl", "args"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _wrong(run: Run, folder: Folder, state: TrainerState, flags: Mapping[str, object]) -> Iterator[Problem]:
    for flag, expected in {**_SAVED, "should_training_stop": _stops(run, folder, state)}.items():
        if flag not in flags:
            yield _problem(state, flag, "true or false", "is not there")
        elif not isinstance(flags[flag], bool):
            yield _problem(state, flag, "true or false", shown(flags[flag]))
        elif expected is not None and flags[flag] is not expected:
            yield _problem(state, flag, shown(expected), shown(flags[flag]))


def _stops(run: Run, folder: Folder, state: TrainerState) -> bool | None:
    """True at the end of the run, False before a later checkpoint, None where both may be."""
    step, limit = state.global_step, state.max_steps
    if step is None or step != folder.step or limit is None or limit < 1:
        return None
    if step >= limit:
        return True
    later = run.last is not None and (run.last.step or 0) > step
    return False if later else None


def _problem(state: TrainerState, flag: str, expected: str, observed: str) -> Problem:
    return Problem(
        f"the flag {flag} of {state.path} is not that of a checkpoint being saved at step {state.global_step or 0:,}",
        state.at(f"{POINTER}/{flag}"),
        expected=expected,
        observed=observed,
    )
