"""The tensors of an adapter that are no part of its method: heads, biases, retrained embeddings."""

from collections.abc import Iterator

from auditor.artifacts._module_patterns import within
from auditor.artifacts._peft_layout import MARKS, Part, parts
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import PREFIX, AdapterWeights

HEADS = ("classifier", "score", "qa_outputs", "pre_classifier", "logits_proj", "classification_head", "cls")
"""Heads of transformers' classification models, and those PEFT keeps unasked (peft 0.21.2, peft_model.py)."""
HEAD_TASKS = frozenset({"SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS"})
"""Task types whose heads PEFT trains and saves in full."""
EMBEDDINGS = (
    *("embed_tokens", "lm_head", "wte", "word_embeddings", "embed_in", "embed_out", "shared"),
    *("tok_embeddings", "output", "embeddings"),
)
"""Matrices PEFT saves unasked when the vocabulary was resized (utils/save_and_load.py, save_embedding_layers)."""
_TOKENS = "trainable_tokens_"


def own_parts(config: AdapterConfig, weights: AdapterWeights) -> tuple[Part, ...] | None:
    """The method's tensors and those of trainable tokens; None for a method whose names are not known."""
    marks = MARKS.get(config.peft_type or "")
    return None if marks is None else tuple(parts(weights, (*marks, _TOKENS)))


def outside(config: AdapterConfig, weights: AdapterWeights) -> tuple[str, ...]:
    """Names of the tensors that are neither the method's nor copies of what it wraps."""
    own = {part.info.name for part in own_parts(config, weights) or ()}
    return tuple(name for name in weights.tensors if name not in own and ".base_layer." not in name)


def module_of(name: str) -> str:
    """A tensor's module: its name without PEFT's prefix and the parameter's own name."""
    return name.removeprefix(PREFIX).removeprefix("base_model.").rpartition(".")[0]


def saved(names: tuple[str, ...], wanted: str) -> bool:
    """Whether a tensor lies in a module of that name, however deep."""
    return any(within((wanted,), module_of(name)) for name in names)


def wanted_modules(config: AdapterConfig) -> Iterator[str]:
    """The names in modules_to_save, each once: PEFT extends the list with every wrap."""
    yield from dict.fromkeys(config.modules_to_save)
