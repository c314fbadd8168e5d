"""The tokenizer has tokens for which the model has no embedding.

A token's id is a row of the embedding matrix. Tokens that were added after the base was published need rows of their
own: PEFT saves the matrix when `embed_tokens` or `lm_head` is trained or the vocabulary was resized (peft 0.21.2,
utils/save_and_load.py, `save_embedding_layers`). Without them the id lies beyond the matrix, and the first text that
holds the token ends in an index error.

Wrong when: the base was published again with more rows, or the tokens never occur in a text (a padding token that
was only added to make batches).

Fix: train with `modules_to_save=["embed_tokens", "lm_head"]` or `trainable_token_indices` and commit what PEFT
saves, or use a token that the base has.

Bad:
    base: tiny
    tokenizer.json: /added_tokens/7/id = 448

Good:
    base: tiny
    # the tokenizer of the base
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.checks._wording import counted, shown
from auditor.errors import CannotRead
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

EMBEDDINGS = (
    "embed_tokens",
    "lm_head",
    "wte",
    "word_embeddings",
    "embed_in",
    "embed_out",
    "shared",
    "tok_embeddings",
)
"""Names that embedding matrices and heads have in transformers' classes."""


def check(run: Run, base: BaseConfig) -> Iterator[Problem | Skip]:
    """The run's own tokenizer, else its last checkpoint's, against the rows of the base's matrix."""
    if base.vocab_size is None:
        yield Skip("the base's vocab_size is not known")
        return
    ids, path, unread = _ids(run)
    beyond = {number: text for number, text in ids.items() if number >= base.vocab_size}
    if not beyond:
        if not ids:
            yield Skip(unread or "no tokenizer file lists its tokens by id")
        return
    weights = run.one(AdapterWeights)
    if weights is None and run.one(AdapterConfig) is not None:
        yield Skip("the adapter's weights were not read, which may hold the embedding of the added tokens")
    elif not _has_embedding(run):
        first = min(beyond)
        yield Problem(
            f"{counted(len(beyond), 'token has', 'tokens have')} an id beyond the model's {base.vocab_size:,} "
            "embeddings, "
            f"first {first} {shown(beyond[first])}"
            + (", and the adapter holds no embedding" if weights else ""),
            Location(path),
            expected=f"ids below {base.vocab_size:,}, or embeddings in the adapter",
            observed=f"id {first}",
        )


def _ids(run: Run) -> tuple[dict[int, str], str, str | None]:
    """Added tokens by id, the file that lists them, and why a file was not read."""
    vocabulary, config = run.one(TokenizerJson), run.one(TokenizerConfig)
    unread = None
    if vocabulary is not None:
        try:
            return dict(vocabulary.opening().added), vocabulary.path, None
        except CannotRead as error:
            unread = f"{vocabulary.path} {error.reason}"
    if config is not None and config.added_tokens:
        ids = {int(key): text for key, text in config.added_tokens.items() if key.isascii() and key.isdigit()}
        return ids, config.path, unread
    return {}, "", unread


def _has_embedding(run: Run) -> bool:
    weights = run.one(AdapterWeights)
    if weights is None:
        return False
    return any(word in name.split(".") for name in weights.tensors for word in EMBEDDINGS) or any(
        "trainable_tokens" in name for name in weights.tensors
    )
