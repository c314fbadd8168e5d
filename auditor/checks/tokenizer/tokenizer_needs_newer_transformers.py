"""The tokenizer's class exists in Transformers 5 only.

Transformers 5 saves every tokenizer that has no class of its own as TokenizersBackend (or PythonBackend,
SentencePieceBackend, MistralCommonBackend). Releases before it stop with "Tokenizer class TokenizersBackend does not
exist or is not currently imported" (transformers 4.57.1, models/auto/tokenization_auto.py).

Wrong when: the adapter is used with Transformers 5 only.

Fix: tell in the card which release is needed, or write `PreTrainedTokenizerFast` as `tokenizer_class`.

Bad:
    tokenizer_config.json: /tokenizer_class = "TokenizersBackend"

Good:
    tokenizer_config.json: /tokenizer_class = "PreTrainedTokenizerFast"
"""

from collections.abc import Iterator

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.NOTE

_SINCE_5 = frozenset({"TokenizersBackend", "PythonBackend", "SentencePieceBackend", "MistralCommonBackend"})
"""Classes of tokenization_{utils_tokenizers,python,utils_sentencepiece,mistral_common}.py of Transformers 5.23.0."""


def check(config: TokenizerConfig) -> Iterator[Problem | Skip]:
    """By the name of the class alone."""
    if config.tokenizer_class is None:
        yield Skip("tokenizer_config.json names no tokenizer_class")
    elif config.tokenizer_class in _SINCE_5:
        yield Problem(
            f"tokenizer_class is {config.tokenizer_class}, which releases of transformers before 5 do not have",
            config.at("/tokenizer_class"),
            expected="PreTrainedTokenizerFast, or a reader with transformers 5 or newer",
            observed=config.tokenizer_class,
        )
