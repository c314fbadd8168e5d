"""Hyperparameters in the model card against what the trainer received.

The Trainer writes its card from its own arguments (transformers 4.51.3 and 5.23.0, modelcard.py
``extract_hyperparameters_from_trainer``); in 11 public cards 34 of 34 values equal the arguments beside
them. A different value means that the card describes another training. Only bullets of the card's own list
of training hyperparameters are read, never prose.
"""

from collections.abc import Iterator

from auditor.claims import DESCRIBED, EFFECTIVE, RECORDED, Ledger
from auditor.evidence._against import file_word, plain, same, show
from auditor.evidence._say import contradicted, real, verified
from auditor.model import Evidence
from auditor.runs import Run

_KEYS = (
    *("learning_rate", "seed", "lr_scheduler_type", "num_train_epochs", "optim", "max_steps"),
    *("gradient_accumulation_steps", "warmup_ratio", "warmup_steps"),
)
_ROUNDED = 1e-6
"""Cards print floats in full; some editors shorten them."""


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test every hyperparameter the card lists by training arguments, else by trainer_state.json."""
    for key in _KEYS:
        claim = ledger.get(key)
        told = claim.stated_by(DESCRIBED) if claim else None
        known = ledger.statement(key, EFFECTIVE, RECORDED)
        if told is None or known is None or known.value is None:
            continue
        paths = (told.path, known.path)
        if _equal(key, told.value, known.value):
            yield verified(key, f"the model card says the same: {show(told.value)}", "", None, *paths)
        else:
            name = file_word(known.path)
            says = f"the model card says {told.key} {show(told.value)}, and {name} says {show(known.value)}"
            yield contradicted(key, says, "", known.value, *paths)


def _equal(key: str, one: object, other: object) -> bool:
    left, right = real(plain(one)), real(plain(other))
    if left is not None and right is not None:
        return abs(left - right) <= _ROUNDED * max(abs(left), abs(right))
    return same(key, one, other)
