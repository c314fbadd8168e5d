"""The column of rejected answers is the column of accepted ones.

A preference trainer compares two answers: DPO's loss is -log sigmoid(beta x difference of the two margins)
(Rafailov and others 2023, equation 7; TRL, trainer/dpo_trainer.py). With one column for both, every pair is
equal, the loss stays at log 2 and the gradient of the comparison is zero. The platform's keys are
AutoTrain's (0.8.36, trainers/clm/params.py).

A supervised trainer reads no rejected answers: there the key is one of the inert ones, and `inert-keys` names it.

Wrong when: a trainer that is not known here gives the key another meaning.

Fix: name the column that holds the rejected answers, or remove the key under a supervised trainer.

Bad:
    cheetah-fine-tuning-config.json: /trainer = "dpo"
    cheetah-fine-tuning-config.json: /train_model_parameters/column_mappings/rejected_text_column = "text"

Good:
    cheetah-fine-tuning-config.json: /trainer = "dpo"
    cheetah-fine-tuning-config.json: /train_model_parameters/column_mappings/rejected_text_column = "rejected"
"""

from collections.abc import Iterator

from auditor.checks._wording import shown
from auditor.model import Location, Problem, Severity, Skip
from auditor.recipes._base import Recipe

SEVERITY = Severity.WARNING

_PREFERENCE = frozenset({"dpo", "orpo", "reward", "kto", "cpo"})
_SUPERVISED = frozenset({"sft", "default", "generic"})


def check(recipe: Recipe) -> Iterator[Problem | Skip]:
    """An error under a preference trainer, a warning where it is open which trainer ran."""
    rejected, text = recipe.settings.get("rejected_text_column"), recipe.settings.get("text_column")
    if rejected is None or text is None or not rejected.value or rejected.value != text.value:
        return
    trainer = recipe.trainer or ""
    if trainer in _SUPERVISED:
        yield Skip(f"trainer {shown(trainer)} reads no rejected answers")
        return
    severity = Severity.ERROR if trainer in _PREFERENCE else None
    says = "which trainer reads them is not declared"
    if severity is Severity.ERROR:
        says = f"trainer {shown(trainer)} would compare every answer with itself"
    yield Problem(
        f"rejected_text_column and text_column are both {shown(text.value)}: {says}",
        Location(recipe.path, rejected.member),
        expected="two different columns",
        observed=shown(text.value),
        severity=severity,
    )
