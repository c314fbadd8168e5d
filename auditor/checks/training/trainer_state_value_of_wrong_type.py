"""trainer_state.json holds a value of another type than the Trainer writes.

The file is a dump of TrainerState (transformers 5.23.0, trainer_callback.py, `save_to_json`), whose fields have the
same types in every release. `load_from_json` checks none of them, so a number in quotes stops a resumed training or
is compared as text.

Wrong when: a newer release than this audit's table takes more types. Whole floats count as integers.

Fix: publish the file as the Trainer wrote it.

Bad:
    checkpoint-*/trainer_state.json: /global_step = "8"

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator

from auditor.artifacts._fields import describe, member
from auditor.artifacts._value_types import accepted, described, fits
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.versions import is_trainer_state, state_keys
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING


def check(state: TrainerState) -> Iterator[Problem | Skip]:
    """One finding a key."""
    if not is_trainer_state(state.keys):
        yield Skip("the file does not have the keys of Transformers' Trainer")
        return
    told = dict(state.type_errors)
    for pointer, sentence in told.items():
        yield Problem(sentence, state.at(pointer))
    for key, kinds in accepted(state_keys()).items():
        if key in state.raw and member(key) not in told and not fits(state.raw[key], kinds):
            yield Problem(
                f"`{key}` is {describe(state.raw[key])}, expected {described(kinds)}", state.at(member(key))
            )
