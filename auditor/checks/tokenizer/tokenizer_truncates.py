"""tokenizer.json cuts or fills every text to a fixed length.

The blocks `truncation` and `padding` are the settings of the last call before the tokenizer was saved.
Transformers sets them anew for each call (5.23.0, tokenization_utils_tokenizers.py,
`set_truncation_and_padding`); programs that read tokenizer.json themselves (tokenizers,
text-generation-inference, text-embeddings-inference, llama.cpp's converters) obey them, and lose the rest
of a text without a word.

Wrong when: every reader is Transformers, or the length is the model's own.

Fix: call `tokenizer.backend_tokenizer.no_truncation()` and `no_padding()` before saving.

Bad:
    tokenizer.json: /truncation = {"max_length": 64, "stride": 0}

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator

from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.NOTE


def check(vocabulary: TokenizerJson) -> Iterator[Problem | Skip]:
    """A length to cut at, or a fixed length to fill up to."""
    try:
        opening = vocabulary.opening()
    except CannotRead as error:
        yield Skip(f"{vocabulary.path} {error.reason}")
        return
    cut = (opening.truncation or {}).get("max_length")
    strategy = (opening.padding or {}).get("strategy")
    fill = strategy.get("Fixed") if isinstance(strategy, dict) else None
    said = [f"cuts every text at {cut} tokens"] if isinstance(cut, int) else []
    said += [f"fills every text up to {fill} tokens"] if isinstance(fill, int) else []
    if said:
        yield Problem(
            f"the saved tokenizer {' and '.join(said)}",
            vocabulary.at("/truncation" if isinstance(cut, int) else "/padding"),
            expected="null",
            observed=str(cut if isinstance(cut, int) else fill),
        )
