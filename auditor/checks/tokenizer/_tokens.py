"""Which special tokens a folder's tokenizer files name."""

from collections.abc import Iterable

from auditor.artifacts.special_tokens_map import SpecialTokensMap
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.model import Location

_PAD_NAMES = frozenset({"<pad>", "[pad]", "<|pad|>", "<|padding|>", "<pad_token>"})
"""Texts of tokens that base models pad with, in lower case (Gemma, BERT among others).

Llama 3.1 has a ``<|finetune_right_pad_id|>`` that its own tokenizer configuration names nowhere: it pads with nothing.
"""


def token_at(
    name: str, config: TokenizerConfig | None, tokens: SpecialTokensMap | None
) -> tuple[str, Location] | None:
    """The text of ``pad_token`` and the like and where it stands; the map goes first, as its older writers do."""
    for artifact in (tokens, config):
        if artifact is not None and name in artifact.tokens:
            return artifact.tokens[name], artifact.at(f"/{name}")
    return None


def reserved_pad(texts: Iterable[str]) -> str | None:
    """The token that a vocabulary reserves for padding, or None."""
    return next((text for text in texts if text.lower() in _PAD_NAMES), None)
