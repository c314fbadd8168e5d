"""merge_adapter is declared true, and the adapter's files are still there.

A platform that merges replaces the adapter by full weights (AutoTrain 0.8.36, trainers/clm/utils.py,
removes `adapter_*` after the merge). With both in one folder a loader that finds adapter_config.json
applies the adapter once more (transformers 5.23.0, modeling_utils.py, `from_pretrained`).

Wrong when: the platform keeps the adapter on purpose beside a merged copy elsewhere.

Fix: publish either the merged model or the adapter, and declare `merge_adapter` accordingly.

Bad:
    cheetah-fine-tuning-config.json: /peft/merge_adapter = true

Good:
    cheetah-fine-tuning-config.json: /peft/merge_adapter = true
    adapter_config.json: removed
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.NOTE


def check(run: Run, recipe: Recipe) -> Iterator[Problem]:
    """Only the run's own folder counts: checkpoints always hold adapters."""
    stated, config = recipe.settings.get("merge_adapter"), run.root.one(AdapterConfig)
    if stated is not None and stated.value is True and config is not None and config.is_peft:
        yield Problem(
            f"merge_adapter is true, and {config.path} still configures an adapter",
            Location(recipe.path, stated.member),
            expected="merged weights and no adapter_config.json",
            observed=config.path,
        )
