"""Declared keys that the declared trainer, or the declared mode of the platform, does not read.

Supervised trainers know no preference data: `dpo_beta`, `model_ref`, the columns of rejected answers and the
two lengths of prompt and completion belong to DPO, ORPO and reward training (AutoTrain 0.8.36,
trainers/clm/params.py groups them so). They change nothing and suggest a run that did not happen.
LLaMA-Factory reads `lora_rank` and its kin for adapters only, and `pref_beta` and its kin for preferences only
(llamafactory 0.9.5, model/adapter.py and train/sft/workflow.py); axolotl reads `lora_r` only with an `adapter` (0.19.0,
loaders/model.py), AutoTrain it and `quantization` only with `peft` (0.8.36, trainers/clm/utils.py), TRL only without
`use_peft: false` (1.16.0, trainer/utils.py).

Wrong when: the platform reads such a key for another purpose. Files that a platform wrote hold every key there is, and
are judged for Cheetah alone.

Fix: remove the keys, or declare the trainer they belong to.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/dpo_beta = 0.1

Good:
    cheetah-fine-tuning-config.json: /train_model_parameters/dpo_beta = 0.1
    cheetah-fine-tuning-config.json: /trainer = "dpo"
"""

from collections.abc import Iterator, Sequence

from auditor.checks._wording import counted, joined, shown
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe, Stated

SEVERITY = Severity.NOTE


def check(recipe: Recipe) -> Iterator[Problem]:
    """One note a mode, when one key at least holds a value; do_predict has a rule of its own."""
    inert = [stated for stated in recipe.inert if stated.key != "do_predict"]
    if any(stated.value not in (None, "", "None") for stated in inert):
        yield Problem(
            f"{counted(len(inert), 'declared key has', 'declared keys have')} no effect under trainer "
            f"{shown(recipe.trainer)}: "
            f"{joined([stated.key for stated in inert])}",
            Location(recipe.path),
            observed=_values(inert),
        )
    for mode, keys in recipe.unread:
        yield Problem(
            f"{counted(len(keys), 'declared key has', 'declared keys have')} no effect in {recipe.platform} "
            f"{mode}: {joined([stated.key for stated in keys])}",
            Location(recipe.path, keys[0].member if len(keys) == 1 else None),
            observed=_values(keys),
        )


def _values(keys: Sequence[Stated]) -> str:
    return "; ".join(f"{stated.key} = {shown(stated.value)}" for stated in keys)
