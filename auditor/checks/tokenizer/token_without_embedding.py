"""The tokenizer adds a token whose number lies beyond the rows of the base model's embeddings.

A token id is a row of the embedding matrix (torch `nn.Embedding` raises an index error, or a device assertion, for a
row that is not there). Tokens added before training need `resize_token_embeddings` and rows of their own; PEFT
saves those only when the embeddings are among `target_modules` or `modules_to_save`, in `trainable_token_indices`, or
when it can see that the vocabulary was resized (peft 0.21.2, utils/save_and_load.py, `save_embedding_layers`).
Otherwise whoever loads the adapter has to resize the base too, and gets random rows for the new tokens.

Wrong when: the tokenizer of the base already has tokens beyond the matrix, as placeholders of images and sound, which
are not counted; or the new tokens never occur in a text. Where only a padding token lies beyond, this is a note.

Fix: save the embeddings with the adapter (`modules_to_save=["embed_tokens", "lm_head"]`, or `trainable_token_indices`),
or use a token that the base's vocabulary reserves.

Bad:
    base: tiny
    tokenizer_config.json: /added_tokens_decoder = {"448": {"content": "<tool_call>"}}

Good:
    base: tiny
    # the last row there is
    tokenizer_config.json: /added_tokens_decoder = {"447": {"content": "<tool_call>"}}
"""

import re
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.checks._wording import counted, shown
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING

_PLACEHOLDER = re.compile(r"image|audio|video|vision|speech|soft_token", re.IGNORECASE)
_PADS = ("<pad>", "[PAD]", "<PAD>", "<|pad|>")
"""Padding tokens that scripts add; the rows of padding never matter."""
_EMBEDDINGS = ("embed", "wte", "wpe", "shared", "word_embeddings")
"""Parts of the names of embedding modules in transformers; ``lm_head`` alone gives a new token no row."""


def check(
    tokenizer: TokenizerConfig,
    config: AdapterConfig,
    base: BaseConfig,
    weights: AdapterWeights | None,
    vocabulary: TokenizerJson | None,
) -> Iterator[Problem | Skip]:
    """Only a base at hand is believed: a name's vocabulary may have been resized by its owner.

    Transformers 5 lists added tokens in tokenizer.json alone.
    """
    if base.known is not None or base.vocab_size is None:
        yield Skip("the number of the base model's embedding rows is not at hand (give --base DIR)")
        return
    listed = _beyond(tokenizer, base.vocab_size)
    beyond = listed or _beyond_in_file(vocabulary, base.vocab_size)
    if not beyond or _carries_rows(config, weights):
        return
    if weights is None:
        yield Skip("whether the adapter's file holds rows for the new tokens was not looked at")
        return
    number, text = min(beyond.items())
    pads = {*_PADS, tokenizer.tokens.get("pad_token")}
    yield Problem(
        f"the base model has {base.vocab_size:,} embedding rows, and the tokenizer adds "
        f"{counted(len(beyond), 'token')} beyond them, first {shown(text)}",
        tokenizer.at(f"/added_tokens_decoder/{number}")
        if listed or vocabulary is None
        else vocabulary.at("/added_tokens"),
        expected=f"ids below {base.vocab_size}, or embeddings saved with the adapter",
        observed=f"id {number}",
        severity=Severity.NOTE if pads.issuperset(beyond.values()) else None,
    )


def _beyond(tokenizer: TokenizerConfig, rows: int) -> dict[int, str]:
    numbered = ((int(key), text) for key, text in tokenizer.added_tokens.items() if _is_number(key))
    return {n: text for n, text in numbered if n >= rows and not _PLACEHOLDER.search(text)}


def _beyond_in_file(vocabulary: TokenizerJson | None, rows: int) -> dict[int, str]:
    try:
        added = vocabulary.opening().added if vocabulary is not None else {}
    except CannotRead:
        return {}
    return {n: text for n, text in added.items() if n >= rows and not _PLACEHOLDER.search(text)}


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 10


def _carries_rows(config: AdapterConfig, weights: AdapterWeights | None) -> bool:
    """Whether embeddings are trained, saved or wrapped, by the configuration or by the file's names."""
    if config.raw.get("trainable_token_indices"):
        return True
    names = (*config.modules_to_save, *config.target_order, *(weights.tensors if weights else ()))
    return (
        any(word in name for name in names for word in _EMBEDDINGS)
        or config.targets("model.embed_tokens") is not False
    )
