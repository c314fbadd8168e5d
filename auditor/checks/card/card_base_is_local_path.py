"""base_model in the card is a path of the machine that trained.

PEFT copies `base_model_name_or_path` into the card it writes (peft 0.13.2, peft_model.py). Hubs accept only
ids there: validation fails or the lineage stays empty, and readers learn the machine's folders.

Wrong when: the card is read only where the path exists.

Fix: write the base's hub id into the card.

Bad:
    README.md: "base_model: tiny-labs/tiny-gemma3" -> "base_model: /root/models/tiny-gemma3"

Good:
    README.md: "base_model: tiny-labs/tiny-gemma3" -> "base_model: tiny-gemma3"
"""

from collections.abc import Iterator

from auditor.artifacts.model_card import ModelCard
from auditor.checks._base_names import is_machine_path
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(card: ModelCard) -> Iterator[Problem]:
    """Judge each name by its spelling."""
    for name in card.base_model:
        if is_machine_path(name):
            yield Problem(
                f"the card's base_model is a path of one machine: {name}",
                card.at("base_model"),
                expected="a hub id",
                observed=name,
            )
