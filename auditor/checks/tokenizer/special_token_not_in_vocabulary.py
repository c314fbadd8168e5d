"""A special token is named that the vocabulary does not hold.

A fast tokenizer takes its pieces from tokenizer.json. A special token that is named beside it and not in it is added
when the tokenizer is loaded, with the next free id (transformers 5.23.0, tokenization_utils_tokenizers.py,
`TokenizersBackend.__init__`), for which the model has no trained embedding, or none at all.

Wrong when: the token is added on purpose by the code that loads the tokenizer.

Fix: name the token as the vocabulary spells it, or add it before training and save the tokenizer again.

Bad:
    tokenizer_config.json: /eos_token = "<|im_end|>"

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator

from auditor.artifacts.special_tokens_map import SpecialTokensMap
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.checks._wording import joined, shown
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING


def check(
    config: TokenizerConfig, vocabulary: TokenizerJson, tokens: SpecialTokensMap | None
) -> Iterator[Problem | Skip]:
    """Search tokenizer.json for every named token, spelled as JSON spells it."""
    try:
        keys = lacking(config, vocabulary, tokens)
    except CannotRead as error:
        yield Skip(f"{vocabulary.path} {error.reason}")
        return
    if keys:
        named = _named(config, tokens)
        first = keys[0]
        yield Problem(
            f"{vocabulary.path} does not hold {joined([f'{key} {shown(named[key])}' for key in keys[:3]])}"
            + (f" and {len(keys) - 3} more" if len(keys) > 3 else ""),
            config.at(f"/{first}"),
            expected="a token of the vocabulary",
            observed=named[first],
        )


def lacking(config: TokenizerConfig, vocabulary: TokenizerJson, tokens: SpecialTokensMap | None) -> list[str]:
    """The keys whose token the vocabulary does not hold, sorted. Raises CannotRead."""
    named = _named(config, tokens)
    missing = vocabulary.lacking(text for text in named.values() if text)
    return [key for key in sorted(named) if named[key] in missing]


def _named(config: TokenizerConfig, tokens: SpecialTokensMap | None) -> dict[str, str]:
    named = {**(tokens.tokens if tokens else {}), **config.tokens}
    # CodeLlama splits its text at this one and never encodes it (transformers 4.51.3, tokenization_code_llama.py).
    named.pop("fill_token", None)
    return named
