"""The state is that of one trial of a hyperparameter search.

`is_hyper_param_search`, `trial_name` and `trial_params` are set by `Trainer.hyperparameter_search` alone (transformers
4.51.3, trainer.py, `_hp_search_setup`). The declared hyperparameters are then a starting point, and those of the trial
are the ones that trained the model.

Wrong when: never for a state that a search wrote; what it means is the publisher's to say.

Fix: declare the hyperparameters of the trial, and say in the card that it was chosen from a search.

Bad:
    checkpoint-18/trainer_state.json: /is_hyper_param_search = true

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import shown
from auditor.model import Problem, Severity

SEVERITY = Severity.NOTE

_KEYS = ("is_hyper_param_search", "trial_name", "trial_params")


def check(state: TrainerState) -> Iterator[Problem]:
    """Any of the three is enough."""
    found = [key for key in _KEYS if state.raw.get(key)]
    if found:
        yield Problem(
            f"{state.path} is of a trial of a hyperparameter search: {found[0]} is {shown(state.raw[found[0]])}",
            state.at(f"/{found[0]}"),
            expected="a single training",
            observed=shown(state.raw.get("trial_params")),
        )
