"""The committed configuration is not the one that made this run.

A file that people write and hand to a platform is edited between runs, and the version in the repository
need not be the one that was trained with: its values differ from what the trainer received
(training_args.bin and the event file; transformers 5.23.0, trainer.py, `_save`, and
integrations/integration_utils.py), from adapter_config.json or from what the results show. A rerun of it
makes another model. Files that the platform itself wrote beside its results are judged value by value
(declared-value-contradicted).

Wrong when: the file belongs to another adapter of the repository. It is held against this run only when its
output_dir names the run's folder or its base model is the adapter's, and when no other configuration fits
better. A platform that names no base (torchtune) is held to it by the folder that the base lay in, or by an
adapter of the form that only it writes, and only where the repository has one such file and one adapter.

Fix: commit the configuration that was used, or say in the card which one it was.

Bad:
    cheetah-fine-tuning-config.json: removed
    train.yaml: = "finetuning_type: lora\\nlora_rank: 64\\nlearning_rate: 2.0e-3\\nmodel_name_or_path: a/tiny-gemma3\\n"

Good:
    cheetah-fine-tuning-config.json: removed
    train.yaml: = "finetuning_type: lora\\nlora_rank: 8\\nlearning_rate: 2.0e-3\\nmodel_name_or_path: a/tiny-gemma3\\n"
"""

from collections.abc import Iterator

from auditor.checks._wording import counted, joined
from auditor.checks.declared._contradiction import BY_CONFIG, is_configs_alone, speaks_of
from auditor.claims import DECLARED, Ledger
from auditor.model import Claim, Evidence, Location, Problem, Severity, Skip, Status
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.WARNING

_HOUSEKEEPING = frozenset(
    {"logging_steps", "logging_strategy", "save_steps", "save_strategy", "save_total_limit", "eval_steps"}
)
"""What changes no weight: people log and save more often the second time."""


def check(recipe: Recipe, ledger: Ledger, run: Run) -> Iterator[Problem | Skip]:
    """One finding for all differences: they have one cause."""
    if recipe.record:
        yield Skip(f"{recipe.path} was written by {recipe.platform} itself; its values are judged one by one")
        return
    against = {
        key: found
        for key, claim in ledger.claims.items()
        if claim.stated_by(DECLARED) is not None
        and (found := next(_against(claim, recipe, run), None)) is not None
    }
    if not against:
        return
    key, first = next(iter(against.items()))
    stated = recipe.settings.get(key)
    yield Problem(
        f"the run was not made by this configuration: {counted(len(against), 'setting differs', 'settings differ')} "
        f"({joined(list(against))})",
        Location(recipe.path, stated.member if stated and len(against) == 1 else None),
        expected="the configuration that was trained with",
        observed=first.says,
        evidence=tuple(item.says for item in against.values()) if len(against) > 1 else (),
        severity=Severity.NOTE if set(against) <= _HOUSEKEEPING else None,
    )


def _against(claim: Claim, recipe: Recipe, run: Run) -> Iterator[Evidence]:
    """The evidence against the file handed in; a wrong adapter_config.json is a finding of its own."""
    for item in claim.evidence:
        told = item.outcome is Status.CONTRADICTED and speaks_of(item, recipe.path)
        if told and not (item.id == BY_CONFIG and is_configs_alone(claim, run)):
            yield item
