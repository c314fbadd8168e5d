"""Which cards are a publication that has to say what a publication says."""

import re

from auditor.artifacts.model_card import ModelCard
from auditor.checks._published import is_published
from auditor.checks.card.card_template_unfilled import FEW
from auditor.runs import Run

_GENERATED = re.compile(
    r"This model was trained using AutoTrain|trained 2x faster with \[Unsloth\]|It has been trained using \[TRL\]|"
    r"card was generated automatically|has been generated automatically"
)
"""What AutoTrain (0.8.36, trainers/common.py), Unsloth, TRL (1.0, templates/lm_model_card.md) and Trainer write."""
GENERATED_LIMIT = 6_000
"""Characters up to which nobody has added a description of their own."""


def why_not_judged(run: Run, card: ModelCard) -> str | None:
    """Why a card's gaps are no defect of their own; None when they are."""
    if not is_published(run):
        return "the adapter is a file inside a project, whose own pages say such things"
    if card.placeholders > FEW:
        return "the card is an unfilled template, which is one finding"
    if _GENERATED.search(card.body) and len(card.body) < GENERATED_LIMIT:
        return "the card is as a training program generates it"
    if card.problems and not card.front_matter:
        return "the front matter cannot be read"
    return None
