"""Two declared keys mean one thing.

TrainingArguments has one field for each concept (transformers 5.23.0, training_args.py), so only one of the
keys can reach the trainer, and nothing in the file says which. Where the values differ (`batch_size` 2
beside `per_device_train_batch_size` 4), the declaration does not tell what was asked for, and every number
derived from it is open.

Wrong when: the platform gives the two keys different meanings.

Fix: keep the key that is spelled as in TrainingArguments and remove the other.

Bad:
    # per_device_train_batch_size is 1
    cheetah-fine-tuning-config.json: /train_model_parameters/batch_size = 2

Good:
    # one key for each concept
    cheetah-fine-tuning-config.json: /train_model_parameters/dataset_text_field removed
    cheetah-fine-tuning-config.json: /train_model_parameters/disable_gc removed
    cheetah-fine-tuning-config.json: /tokenizer_parameters/block_size removed
"""

from collections.abc import Iterator

from auditor.checks._wording import counted, joined, shown
from auditor.claims import EFFECTIVE, Ledger
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe, Stated

SEVERITY = Severity.WARNING


def check(recipe: Recipe, ledger: Ledger | None) -> Iterator[Problem]:
    """A warning for each pair that differs, one note for all pairs that agree.

    A platform that saves every argument it has, aliases too, declares nothing twice; and where a platform's source
    is public, a pair that agrees is no riddle.
    """
    if recipe.record and recipe.documented:
        return
    differing = {canonical for canonical, _, _ in recipe.conflicts()}
    for canonical, kept, other in recipe.conflicts():
        yield Problem(
            f"{kept.key} is {shown(kept.value)} and {other.key} is {shown(other.value)}, and both mean {canonical}",
            Location(recipe.path, kept.member),
            expected="one key, or two that agree",
            observed=f"{_say(kept)}; {_say(other)}",
            evidence=tuple(_effect(canonical, ledger)),
        )
    equal = [(kept, other) for canonical, kept, other in recipe.duplicates if canonical not in differing]
    if equal and not recipe.documented:
        yield Problem(
            f"{counted(len(equal), 'setting is', 'settings are')} declared twice with the same meaning: "
            f"{joined([f'{kept.key}/{other.key}' for kept, other in equal])}",
            Location(recipe.path),
            severity=Severity.NOTE,
        )


def _say(stated: Stated) -> str:
    return f"{stated.member} = {shown(stated.value)}"


def _effect(canonical: str, ledger: Ledger | None) -> Iterator[str]:
    """What arrived, and for the batch size what ran."""
    arrived = ledger.statement(canonical, EFFECTIVE) if ledger else None
    if arrived is not None:
        yield f"{arrived.path} says {arrived.key} {shown(arrived.value)}"
    ran = ledger.statement("train_batch_size") if ledger else None
    if canonical == "per_device_train_batch_size" and ran is not None:
        yield f"{ran.path} records train_batch_size {shown(ran.value)}"
