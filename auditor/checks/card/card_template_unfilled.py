r"""The card is the template: its sections still hold the placeholder.

PEFT and Transformers write a card of some forty sections with "[More Information Needed]" (peft 0.13.2,
huggingface_hub's modelcard_template.md). It says nothing about data, purpose or limits.

Wrong when: the card is a checkpoint's, which nobody is meant to read.

Fix: fill in the sections that matter and delete the others.

Bad:
    README.md: + "\n[More Information Needed]\n\n[More Information Needed]\n"
    README.md: + "\n[More Information Needed]\n\n[More Information Needed]\n"

Good:
    README.md: + "\n[More Information Needed]\n\n[More Information Needed]\n"
"""

from collections.abc import Iterator

from auditor.artifacts.model_card import ModelCard
from auditor.model import Problem, Severity

SEVERITY = Severity.NOTE

FEW = 3
"""Placeholders that a card may keep."""


def check(card: ModelCard) -> Iterator[Problem]:
    """Count the placeholders."""
    if card.placeholders > FEW:
        yield Problem(
            f"{card.placeholders} sections of the card hold the template's placeholder",
            card.at(),
            expected=f"at most {FEW}",
            observed=str(card.placeholders),
        )
