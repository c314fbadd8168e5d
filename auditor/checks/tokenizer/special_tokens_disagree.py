"""special_tokens_map.json and tokenizer_config.json name different special tokens.

Both are written by one call (`save_pretrained`, transformers 4.51.3, tokenization_utils_base.py). Which of
them a reader obeys depends on its release, so two users of the same adapter can end sequences differently.

Wrong when: a tool deliberately edits one file only and its readers obey that one.

Fix: load the tokenizer that was trained with, and save it again.

Bad:
    # tokenizer_config.json says <eos>
    special_tokens_map.json: /eos_token = "<end>"

Good:
    # the same token in its other form
    special_tokens_map.json: /eos_token = {"content": "<eos>", "lstrip": false}
"""

from collections.abc import Iterator

from auditor.artifacts.special_tokens_map import SpecialTokensMap
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.checks._wording import shown
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(config: TokenizerConfig, tokens: SpecialTokensMap) -> Iterator[Problem]:
    """Compare by text, whichever form the token has; a token that only one file names is no contradiction."""
    for name in sorted(config.tokens.keys() & tokens.tokens.keys()):
        one, other = tokens.tokens[name], config.tokens[name]
        if one != other:
            yield Problem(
                f"{name} is {shown(one)} in special_tokens_map.json and {shown(other)} in tokenizer_config.json",
                tokens.at(f"/{name}"),
                expected=other,
                observed=one,
            )
