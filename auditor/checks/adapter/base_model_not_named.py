"""adapter_config.json names no base model, so that nobody can tell what the adapter belongs on.

PEFT finds the base by `base_model_name_or_path` (peft 0.21.2, auto.py, `from_pretrained`); without it AutoPeftModel
fails, and the hub shows no lineage. It stays null or empty when the model was built in the script and not loaded by
name.

Wrong when: the model is the author's own class, for which `auto_mapping` or a null `task_type` speaks and this rule
is silent.

Fix: set `base_model_name_or_path` to the hub id of the base that was trained on, and `revision` to its commit.

Bad:
    adapter_config.json: /base_model_name_or_path = null

Good:
    adapter_config.json: /base_model_name_or_path = "tiny-labs/tiny-gemma3"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import PREFIX, AdapterWeights
from auditor.artifacts.model_card import ModelCard
from auditor.checks._copies import with_copies
from auditor.checks._wording import shown
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_HUB_TASKS = ("CAUSAL_LM", "SEQ_2_SEQ_LM", "SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS")
"""Heads that only models of the hub have; encoders of one's own are wrapped as FEATURE_EXTRACTION or as nothing."""


def check(
    config: AdapterConfig, weights: AdapterWeights | None, card: ModelCard | None, run: Run | None
) -> Iterator[Problem | Skip]:
    """A model that PEFT wrapped twice has no name either; that is the matter of `adapter-wrapped-twice`."""
    yield from with_copies(_problems(config, weights, card), run, config)


def _problems(
    config: AdapterConfig, weights: AdapterWeights | None, card: ModelCard | None
) -> Iterator[Problem]:
    name = config.raw.get("base_model_name_or_path")
    if not config.is_peft or (isinstance(name, str) and name.strip()) or config.type_errors:
        return
    named = card.base_model[0] if card is not None and card.base_model else None
    if config.auto_mapping is not None or (config.task_type not in _HUB_TASKS and named is None):
        return
    if weights is not None and any(module.startswith(PREFIX) for module in weights.pairs()):
        return
    yield Problem(
        f"`base_model_name_or_path` is {shown(name)}, so the adapter names no base model",
        config.at("/base_model_name_or_path"),
        expected=named or "a hub id or a repository",
        observed=shown(name),
        evidence=(f"{card.path} names {named}",) if card is not None and named else (),
    )
