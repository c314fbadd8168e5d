r"""The front matter of a model card cannot be read, or not in one way.

The hub and every tool take base model, licence and datasets from this block (huggingface_hub 2.4.0, repocard.py,
`metadata_load`). Of a repeated key PyYAML keeps the last and a reviewer reads the first; a merge conflict or a
second block leaves open which values count, and rules that compare them stay silent.

A page in UTF-16 without front matter is a note: forges show it as they can.

Wrong when: the dashes at the top of the card are meant as a rule and not as metadata.

Fix: write one block of valid YAML in which every key stands once.

Bad:
    README.md: "base_model: tiny" -> "base_model: other/base\nbase_model: tiny"

Good:
    # one key in two mappings
    README.md: "license: " -> "evaluation: {loss: 6.1}\ntraining: {loss: 5.9}\nlicense: "
"""

from collections.abc import Iterator

from auditor.artifacts.model_card import UTF_16, ModelCard
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(card: ModelCard) -> Iterator[Problem]:
    """One finding for each thing that the reader could not take as it stands."""
    for sentence in card.problems:
        # A page without front matter loses nothing but its letters.
        severity = Severity.NOTE if sentence == UTF_16 and not card.has_front_matter else None
        yield Problem(sentence, card.at("front matter"), severity=severity)
