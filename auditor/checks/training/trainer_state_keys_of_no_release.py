"""trainer_state.json lacks keys that every release writing its other keys writes too.

The Trainer dumps all fields of TrainerState (transformers 5.23.0, trainer_callback.py, `save_to_json`), and the class
has only ever gained fields. A file that holds a newer field and lacks an older one was therefore edited, or written
by another program.

Wrong when: a fork of Transformers removed a field. Keys that no release has are not reported: a newer release or a
subclass may have added them.

Fix: publish the file as the Trainer wrote it.

Bad:
    checkpoint-*/trainer_state.json: /max_steps removed

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.versions import is_trainer_state, state_keys
from auditor.checks._wording import joined
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING


def check(state: TrainerState) -> Iterator[Problem | Skip]:
    """Compare with the key set that lacks the fewest; builds between two releases count as either."""
    if not is_trainer_state(state.keys):
        yield Skip("the file does not have the keys of Transformers' Trainer")
        return
    known = state_keys()
    held = state.keys & known.written.keys()
    if known.complete(held):
        return
    newest = max(sorted(held), key=known.since)
    missing = sorted(
        next(keys for low, _, keys in known.sets if known.releases[low] == known.first(newest)) - held
    )
    yield Problem(
        f"{joined([f'`{key}`' for key in missing])} {'is' if len(missing) == 1 else 'are'} missing, which every "
        f"release of Transformers that writes `{newest}` writes too",
        state.at(),
        expected="all keys of one release",
        observed=f"{len(state.keys)} keys",
    )
