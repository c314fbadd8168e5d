"""Configurations of common public base models, so that arithmetic needs no download.

The table beside this file (`_known_bases.json`) names for each model whose config.json its numbers are (``source``)
and how many parameters the publisher states (``parameters``; of the trunk alone for BERT's kin). The tests hold the two
against each other: a wrong width, depth or vocabulary gives another sum. A name proves nothing about a model, so what
rests on this table may be confirmed by arithmetic but never accuses.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from auditor.artifacts.base_config import BaseConfig

_TABLE = Path(__file__).with_name("_known_bases.json")
_COPY = re.compile(r"(?:-unsloth)?-bnb-4bit$|\.git$")
_ROLE = re.compile(r"-(?:it|pt|hf|base|chat|instruct|(?:instruct|thinking)-2507)$")
_ALIASES = {
    "gemma-1.1-2b": "gemma-2b",
    "gemma-1.1-7b": "gemma-7b",
    "meta-llama-3-8b": "llama-3-8b",
    "meta-llama-3-70b": "llama-3-70b",
    "meta-llama-3.1-8b": "llama-3.1-8b",
    "meta-llama-3.1-70b": "llama-3.1-70b",
    "mistral-7b": "mistral-7b-v0.1",
    "mistral-7b-instruct-v0.1": "mistral-7b-v0.1",
    "mistral-7b-instruct-v0.3": "mistral-7b-v0.3",
    "mistral-7b-v0.2": "mistral-7b-instruct-v0.2",
    "mistral-nemo-instruct-2407": "mistral-nemo-base-2407",
    "mixtral-8x7b-instruct-v0.1": "mixtral-8x7b-v0.1",
    "tinyllama-1.1b-chat-v1.0": "tinyllama-1.1b",
}
_STEP = re.compile(r"^(tinyllama-1\.1b)-intermediate-step-\d+k-[\d.]+t$")
_REBUILT = re.compile(r"(?:^|[/\\])unsloth[/\\]phi-", re.IGNORECASE)
"""Mirrors that were converted to another architecture: unsloth's Phi-3 and Phi-4 are Mistral and Llama models."""


def lookup(name: str, cls: str | None) -> BaseConfig | None:
    """The configuration of a model by the last segment of its hub id or folder (without ``-it``).

    ``cls`` is the model class that was trained, when known: a class of another family gives None, and
    Gemma3ForCausalLM of a multimodal size gives the text part only.
    """
    key = normalise(name)
    entry = _table().get(key)
    if entry is None or _REBUILT.search(name):
        return None
    raw = entry["config"]
    if not isinstance(raw, dict):
        return None
    config = BaseConfig.of(f"known model {key}", raw, known=key)
    if cls is None or cls in config.architectures:
        return config
    if cls == "Gemma3ForCausalLM" and config.model_type == "gemma3":
        return BaseConfig.of(config.path, _text_only(raw), known=key)
    return config if _same_family(cls, config.architectures[0]) else None


def normalise(name: str) -> str:
    """``google/gemma-3-4b-it`` and ``/models/Gemma-3-4B`` are both ``gemma-3-4b``; ``t5-base`` stays."""
    spellings = tuple(_spellings(re.split(r"[/\\]", name.strip().rstrip("/\\"))[-1].lower()))
    return next((key for word in spellings if (key := _ALIASES.get(word, word)) in _table()), spellings[-1])


@cache
def _table() -> Mapping[str, Mapping[str, object]]:
    found: Mapping[str, Mapping[str, object]] = json.loads(_TABLE.read_text())
    return found


def _spellings(word: str) -> Iterator[str]:
    """The name, then without each ending that says how it was tuned or stored."""
    word = _COPY.sub("", _COPY.sub("", word))
    yield word
    if (step := _STEP.match(word)) is not None:
        yield step.group(1)
    while (shorter := _ROLE.sub("", word)) != word:
        word = shorter
        yield word


def _same_family(one: str, other: str) -> bool:
    """Gemma3Model and Gemma3ForConditionalGeneration share their trunk."""
    return _family(one) == _family(other)


def _family(cls: str) -> str:
    return cls.removesuffix("LMHeadModel").removesuffix("Model").split("For")[0]


def _text_only(raw: Mapping[str, object]) -> Mapping[str, object]:
    text = raw["text_config"]
    inner = text if isinstance(text, dict) else {}
    return {"architectures": ["Gemma3ForCausalLM"], "tie_word_embeddings": True, **inner}
