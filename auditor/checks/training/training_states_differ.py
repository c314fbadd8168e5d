"""Two copies of trainer_state.json in one run disagree about what does not change while it trains.

`max_steps`, the number of epochs, the intervals, the micro-batch and the flags of the process are set once, when
training begins, and each checkpoint writes the same object with its steps so far (transformers 4.51.3 and 5.23.0,
trainer.py, `_save_checkpoint`, `save_state`). Two copies of the same step agree in everything but rows that were
logged after the save. A copy that stands alone was edited or is of another run.

Wrong when: training was resumed with other arguments, which rewrites intervals, length and micro-batch from then on.

Fix: publish the states as the Trainer wrote them, or say at which step which argument was changed.

Bad:
    checkpoint-9/trainer_state.json: /max_steps = 36

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator, Mapping, Sequence

from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks._wording import counted, joined, shown
from auditor.checks.training import (
    best_metric_not_logged,
    control_flags_impossible,
    epoch_disagrees_with_steps,
    trainer_state_keys_of_no_release,
    trainer_state_value_of_wrong_type,
)
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

CONSTANT = (
    *("max_steps", "num_train_epochs", "logging_steps", "save_steps", "eval_steps", "train_batch_size"),
    *(
        "is_hyper_param_search",
        "is_local_process_zero",
        "is_world_process_zero",
        "trial_name",
        "trial_params",
    ),
)
_FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "max_steps": ("max_steps", "num_train_epochs"),
    "num_train_epochs": ("max_steps", "num_train_epochs"),
    "per_device_train_batch_size": ("train_batch_size", "max_steps", "num_train_epochs"),
    "gradient_accumulation_steps": ("max_steps", "num_train_epochs"),
    "logging_steps": ("logging_steps",),
    "save_steps": ("save_steps",),
    "eval_steps": ("eval_steps",),
}
_COUNTERS = ("global_step", "epoch", "total_flos")
"""Numbers that every release writes into every copy."""
MOVING = ("log_history", *CONSTANT)
"""Besides the constant ones, all keys but the rows are equal in two copies of one step."""
FLAGS = "stateful_callbacks"
_NAMED = 4


def check(run: Run) -> Iterator[Problem | Skip]:
    """First what never changes, by majority (the last checkpoint's where there is none), then copies of one step."""
    states = _of_one_run(run)
    if len(states) < 2:
        yield Skip("the run holds fewer than two copies of trainer_state.json")
        return
    odd = _first_odd(states, [key for key in CONSTANT if key not in _resumed_with_other(run)])
    odd = odd or _first_lacking(states)
    # The flags of a checkpoint have a rule of their own.
    flags = set() if all(isinstance(item, Skip) for item in control_flags_impossible.check(run)) else {FLAGS}
    for step in sorted({state.global_step for state in states if state.global_step is not None}):
        same = [state for state in states if state.global_step == step]
        keys = sorted({key for state in same for key in state.raw} - set(MOVING) - flags)
        odd = odd or _first_odd(same, keys)
    if odd is not None:
        yield odd


def _resumed_with_other(run: Run) -> frozenset[str]:
    """What follows from arguments that differ between the run's copies of training_args.bin, which a rule reports."""
    found: set[str] = set()
    for argument, keys in _FOLLOWS.items():
        if len({repr(arguments.get(argument)) for arguments in run.all(TrainingArgs)}) > 1:
            found.update(keys)
    return frozenset(found)


def _of_one_run(run: Run) -> Sequence[TrainerState]:
    """The final state, then those of checkpoints by step: of two opinions the last checkpoint's counts.

    A final one whose rows are not the continuation is left out: another rule reports it.
    """
    saved = [state for folder in run.checkpoints for state in folder.all(TrainerState)]
    final = run.root.one(TrainerState)
    if final is None:
        return saved
    fits = not saved or final.begins_with(saved[-1]) or saved[-1].begins_with(final)
    return [final, *saved] if fits else saved


def _first_odd(states: Sequence[TrainerState], keys: Sequence[str]) -> Problem | None:
    """The first copy that differs from the others in some of these keys."""
    if len(states) < 2:
        return None
    texts = {key: [_text(state, key) for state in states if _is_given(state, key)] for key in keys}
    right = {key: _usual(known) for key, known in texts.items() if known}
    for state in states:
        wrong = [key for key in right if _is_given(state, key) and _text(state, key) != right[key]]
        told = {key for one in states for key in _told(one)} if wrong else set[str]()
        wrong = [key for key in wrong if key not in told]
        if wrong:
            given = (one for one in reversed(states) if _is_given(one, wrong[0]))
            other = next(one for one in given if _text(one, wrong[0]) == right[wrong[0]])
            return _problem(state, wrong, other)
    return None


def _is_given(state: TrainerState, key: str) -> bool:
    """Whether a copy has a value that counts: absent keys and values of a wrong type have rules of their own."""
    return key in state.raw and f"/{key}" not in {pointer for pointer, _ in state.type_errors}


def _first_lacking(states: Sequence[TrainerState]) -> Problem | None:
    """The first copy without a number that all others have."""
    for key in _COUNTERS:
        lacking = [state for state in states if state.raw.get(key) is None]
        others = [state for state in states if state.raw.get(key) is not None]
        if len(lacking) == 1 and others and not _told_lacking(lacking[0], key):
            return _problem(lacking[0], [key], others[-1])
    return None


def _told(state: TrainerState) -> frozenset[str]:
    """Keys that a rule reports by looking at this copy alone."""
    checks = (
        trainer_state_value_of_wrong_type.check(state),
        best_metric_not_logged.check(state),
        epoch_disagrees_with_steps.check(state, None),
    )
    return frozenset(
        (item.at.member or "").strip("/") for items in checks for item in items if isinstance(item, Problem)
    )


def _told_lacking(state: TrainerState, key: str) -> bool:
    """Whether the copy that lacks a key is reported for it: no release leaves it out, or writes null."""
    missing = trainer_state_keys_of_no_release.check(state)
    return key in _told(state) or (
        key not in state.raw and any(isinstance(item, Problem) for item in missing)
    )


def _usual(texts: list[str]) -> str:
    """What most copies say; of two opinions held alike the last copy's."""
    return max(reversed(texts), key=texts.count)


def _text(state: TrainerState, key: str) -> str:
    return repr(state.raw[key])


def _problem(state: TrainerState, keys: list[str], other: TrainerState) -> Problem:
    first, named = keys[0], keys[:_NAMED] + ([f"{len(keys) - _NAMED} more"] if len(keys) > _NAMED else [])
    return Problem(
        f"{state.path} and {other.path} disagree on {counted(len(keys), 'value')}: {joined(named)}",
        state.at(f"/{first}"),
        expected=f"{first} {_said(other, first)}",
        observed=f"{first} {_said(state, first)}",
    )


def _said(state: TrainerState, key: str) -> str:
    return shown(state.raw[key]) if key in state.raw else "is not there"
