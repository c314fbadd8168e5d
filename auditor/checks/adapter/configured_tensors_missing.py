"""adapter_config.json says that more was trained than the file holds: modules_to_save, tokens or biases.

PEFT trains the modules of `modules_to_save` in full and saves them with the adapter, the rows of
`trainable_token_indices` as `trainable_tokens_delta`, every bias of the model with `bias` "all", and with
`lora_bias` one for every lora_B (peft 0.21.2, utils/other.py `AuxiliaryTrainingWrapper`, tuners/lora/layer.py).
Where they are missing, loading leaves the base's own weights, or for a classification head random ones, and says so
in a warning at best.

Wrong when: `modules_to_save` lists names that the model does not have, which PEFT passes over; of the two names
that PEFT adds for a classification head one is enough.

Fix: save with `save_pretrained` of the model that was trained, or correct the configuration.

Bad:
    adapter_config.json: /modules_to_save = ["lm_head"]

Good:
    adapter_config.json: /modules_to_save = []
"""

import re
from collections.abc import Iterator

from auditor.artifacts._peft_layout import Part
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._copies import with_copies
from auditor.checks._wording import joined
from auditor.checks.adapter._outside import (
    EMBEDDINGS,
    HEAD_TASKS,
    HEADS,
    outside,
    own_parts,
    saved,
    wanted_modules,
)
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.ERROR

_KEYS = ("modules_to_save", "bias", "trainable_token_indices", "lora_bias")
"""Keys of adapter_config.json that this rule holds against the tensors."""

_BIASED = re.compile(
    r"\b(?:(?:xlm-?)?roberta|(?:distil|al)?bert|electra|deberta|gpt2|opt|vit|whisper)(?=For|Model|-|LMHead|$)",
    re.I,
)
"""Families whose layers have biases (transformers 5.23.0, models/<family>/modeling_*.py)."""


def check(config: AdapterConfig, weights: AdapterWeights, run: Run | None) -> Iterator[Problem | Skip]:
    """Modules first, then tokens, then biases; a file without any tensor is the matter of another rule."""
    yield from with_copies(_problems(config, weights), run, config, _KEYS)


def _problems(config: AdapterConfig, weights: AdapterWeights) -> Iterator[Problem | Skip]:
    if not config.is_peft or not weights.tensors:
        return
    own = own_parts(config, weights)
    if own is None:
        yield Skip(f"the tensor names of {config.peft_type} are not known")
        return
    yield from _modules(config, weights)
    yield from _tokens(config, own)
    if config.peft_type == "LORA" and config.raw.get("lora_bias") is True:
        yield from _biases(weights)
    yield from _all_biases(config, weights)


def _modules(config: AdapterConfig, weights: AdapterWeights) -> Iterator[Problem]:
    names, wanted = outside(config, weights), tuple(wanted_modules(config))
    gone = [name for name in wanted if not saved(names, name)]
    heads = {name for name in wanted if name in HEADS}
    if heads - set(gone):
        gone = [name for name in gone if name not in heads]
    everything = len(gone) == len(wanted)
    # A list may offer the names of several architectures: one that was found speaks for the rest.
    if not gone or not (everything or any(name in EMBEDDINGS[:2] for name in gone)):
        return
    lost_head = everything and config.task_type in HEAD_TASKS
    yield Problem(
        f"`modules_to_save` names {joined(gone)}, and the file holds no tensor of "
        + ("them" if len(gone) > 1 else "it")
        + (": the trained head is lost" if lost_head else ""),
        config.at("/modules_to_save"),
        expected=f"tensors of {joined(gone, 'or') if lost_head else joined(gone)} in {weights.path}",
        observed=f"{len(names)} tensors outside {config.peft_type}",
        severity=None if lost_head or any(name in EMBEDDINGS[:2] for name in gone) else Severity.WARNING,
    )


def _tokens(config: AdapterConfig, own: tuple[Part, ...]) -> Iterator[Problem]:
    """A list speaks of the embedding, an object of modules by name; TRAINABLE_TOKENS has a key of its own."""
    asked = config.raw.get("trainable_token_indices")
    groups = asked if isinstance(asked, dict) else {"": asked} if isinstance(asked, list) else {}
    deltas = [part for part in own if part.mark == "trainable_tokens_delta"]
    for module, indices in groups.items():
        if not isinstance(indices, list) or not indices:
            continue
        mine = [part for part in deltas if module in part.module.split(".") or not module]
        if mine and all(part.info.shape[:1] == (len(indices),) for part in mine):
            continue
        yield Problem(
            f"`trainable_token_indices` names {len(indices)} tokens"
            + (f" of {module}" if module else "")
            + (", and the file holds no rows for them" if not mine else ""),
            config.at("/trainable_token_indices"),
            expected=f"{len(indices)} rows of trainable_tokens_delta",
            observed=f"{mine[0].info.shape[0] if mine and mine[0].info.shape else 0}",
        )


def _all_biases(config: AdapterConfig, weights: AdapterWeights) -> Iterator[Problem]:
    """`bias` "all" saves every bias of the model; Llama and its kin have none, so the family must be known."""
    family = f"{config.base_model_class or ''} {(config.base_model_name_or_path or '').rpartition('/')[2]}"
    if config.bias != "all" or not _BIASED.search(family):
        return
    if not any(name.endswith(".bias") and ".lora_" not in name for name in weights.tensors):
        yield Problem(
            '`bias` is "all", and the file holds no bias of the model',
            config.at("/bias"),
            expected="the biases of the base model's layers",
            observed="none",
        )


def _biases(weights: AdapterWeights) -> Iterator[Problem]:
    pairs = [pair for pair in weights.pairs().values() if pair.b is not None and not pair.is_embedding]
    bare = [
        pair for pair in pairs if pair.b and pair.b.name.replace(".weight", ".bias") not in weights.tensors
    ]
    if bare:
        yield Problem(
            f"`lora_bias` is true, and {len(bare)} of {len(pairs)} lora_B have no bias, first {bare[0].module}",
            weights.at(bare[0].module),
            expected="a bias for each lora_B",
            observed=f"{len(pairs) - len(bare)}",
        )
