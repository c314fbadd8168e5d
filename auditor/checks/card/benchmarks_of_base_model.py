r"""The card's benchmark table shows the base model's results, not the adapter's.

A table whose columns are models of the base's family by size, and none of whose columns is this adapter,
was measured before the adapter existed. Beside an adapter it reads as the adapter's results. What hubs take
for results is `model-index` in the front matter (huggingface_hub 2.4.0, repocard.py), which a copied table is not.

Wrong when: the text around the table says so.

Fix: remove the table, or add a column with the adapter's own results.

Bad:
    repository: seed
    # its card is the base model's

Good:
    repository: seed
    # one column is the adapter's
    README.md: "Gemma 3 PT 27B" -> "Gemma 3 4B fine-tuned"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks._wording import counted
from auditor.checks.card._upstream import base_tables
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(card: ModelCard, config: AdapterConfig) -> Iterator[Problem]:
    """A column that says fine-tuned, adapter, LoRA or ours makes the table one of comparison."""
    base = config.base_model_name_or_path or next(iter(card.base_model), "")
    if not config.is_peft or not base:
        return
    tables = base_tables(card, base)
    if tables:
        yield Problem(
            f"{counted(len(tables), 'benchmark table shows', 'benchmark tables show')} the base model's family and not "
            "this adapter",
            card.at(),
            expected="results of this adapter",
            observed=" ".join(tables[0].split()),
        )
