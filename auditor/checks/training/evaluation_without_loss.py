"""Evaluation ran and gave no eval_loss.

The Trainer returns a loss only when it knows which inputs are labels. For a plain PeftModel, which is what PEFT
makes without a `task_type`, releases up to Transformers 4.53 see only `*args, **kwargs` and find none (measured
with 4.51.3; utils/generic.py, `find_labels`): evaluation then logs times and no loss, and `load_best_model_at_end`
cannot work.

Wrong when: the evaluation computes other metrics on purpose, by generating text for instance; with metrics of its
own the rule is silent.

Fix: set `task_type` in LoraConfig, or `label_names` in the training arguments.

Bad:
    events: eval/runtime at 18 = 1.0

Good:
    events: eval/runtime at 18 = 1.0
    events: eval/loss at 18 = 6.0
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_TIMES = ("runtime", "samples_per_second", "steps_per_second", "model_preparation_time")


def check(run: Run) -> Iterator[Problem | Skip]:
    """Event files and log histories alike; one loss anywhere is enough."""
    places = dict(_evaluations(run))
    if not run.events and not run.all(TrainerState):
        yield Skip("neither an event file nor a trainer_state.json was read")
        return
    names = set().union(*places.values()) if places else set()
    if "runtime" in names and not names - set(_TIMES):
        path = next(iter(places))
        yield Problem(
            "evaluation was logged without a loss or any other metric",
            Location(path),
            expected="eval_loss",
            observed=", ".join(sorted(f"eval_{name}" for name in names)),
        )


def _evaluations(run: Run) -> Iterator[tuple[str, set[str]]]:
    """The names of evaluation values by file, without their prefix."""
    for log in run.events:
        found = {tag.removeprefix("eval/") for tag in log.scalars if tag.startswith("eval/")}
        if found:
            yield log.path, found
    for state in run.all(TrainerState):
        found = {key.removeprefix("eval_") for key in state.row_keys if key.startswith("eval_")}
        if found:
            yield state.path, found
