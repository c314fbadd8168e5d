r"""The card describes the base model, not this adapter.

PEFT writes its own card beside an adapter (peft 0.13.2, peft_model.py, `create_or_update_model_card`); a card
with the base's title, makers and benchmark tables and without a word about an adapter was put over it. Readers
are told about other training, other data and other results.

Wrong when: the card is meant to repeat the base's text, and the adapter is documented elsewhere.

Fix: write a card for the adapter: base model, data, hyperparameters, results; link to the base's card.

Bad:
    repository: seed
    # its card is the base model's

Good:
    repository: seed
    README.md: + "\nThis is a LoRA adapter.\n"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks.card import _upstream
from auditor.model import Problem, Severity
from auditor.runs import BaseFolder

SEVERITY = Severity.WARNING


def check(card: ModelCard, config: AdapterConfig, folder: BaseFolder | None) -> Iterator[Problem]:
    """Title or makers, and a second trace, and no word about an adapter; or, with --base, the base's own lines."""
    base = config.base_model_name_or_path or next(iter(card.base_model), "")
    original = folder.one(ModelCard) if folder else None
    if config.is_peft and original is not None and _upstream.repeats(card, original):
        yield Problem(
            "the card repeats the base model's and adds nothing about an adapter",
            card.at(),
            expected="a card that describes this adapter",
            observed=card.title,
        )
        return
    if not config.is_peft or not base or _upstream.speaks_of_adapter(card):
        return
    traces = tuple(_upstream.traces_of(card, base))
    signed = _upstream.title_of_base(card, base) or _upstream.makers(card)
    if signed and len(traces) >= _upstream.ENOUGH:
        yield Problem(
            "the card is the base model's: it names neither adapter nor LoRA nor PEFT",
            card.at(),
            expected="a card that describes this adapter",
            observed=card.title,
            evidence=traces,
        )
