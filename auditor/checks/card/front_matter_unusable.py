"""The front matter of a model card cannot be read, or not in one way.

The hub and every tool take base model, licence and datasets from this block. A repeated key, a merge conflict or a
second block leaves open which values count, and rules that compare them stay silent.

Wrong when: the dashes at the top of the card are meant as a rule and not as metadata.

Fix: write one block of valid YAML in which every key stands once.
"""

from collections.abc import Iterator

from auditor.artifacts.model_card import ModelCard
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(card: ModelCard) -> Iterator[Problem]:
    """One finding for each thing that the reader could not take as it stands."""
    for sentence in card.problems:
        yield Problem(sentence, card.at("front matter"))
