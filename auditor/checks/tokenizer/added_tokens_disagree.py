"""tokenizer_config.json and tokenizer.json give one id to different tokens.

Both lists are written by one call (`save_pretrained`, transformers 4.51.3, tokenization_utils_base.py:
`added_tokens_decoder`, and tokenizers' own `added_tokens`). Which of them a loader obeys depends on its release and
on whether the fast tokenizer is used, so one text becomes different ids for different users.

Wrong when: never for files of one tokenizer; ids that only one file lists are no contradiction.

Fix: load the tokenizer that was trained with, and save it again.

Bad:
    tokenizer_config.json: /added_tokens_decoder = {"1": {"content": "<bos>"}, "2": {"content": "<eos>"}}

Good:
    tokenizer_config.json: /added_tokens_decoder = {"1": {"content": "<eos>"}, "2": {"content": "<bos>"}}
"""

from collections.abc import Iterator

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.checks._wording import counted, shown
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING


def check(config: TokenizerConfig, vocabulary: TokenizerJson) -> Iterator[Problem | Skip]:
    """Compare the ids that both files list."""
    if not config.added_tokens:
        yield Skip("tokenizer_config.json lists no added tokens (transformers 5 writes none)")
        return
    try:
        added = vocabulary.opening().added
    except CannotRead as error:
        yield Skip(f"{vocabulary.path} {error.reason}")
        return
    listed = {int(key): text for key, text in config.added_tokens.items() if key.isascii() and key.isdigit()}
    wrong = [number for number in sorted(listed) if added.get(number, listed[number]) != listed[number]]
    if wrong:
        first = wrong[0]
        yield Problem(
            f"{counted(len(wrong), 'id names', 'ids name')} another token in {vocabulary.path}, first {first}: "
            f"{shown(listed[first])} here, {shown(added[first])} there",
            config.at(f"/added_tokens_decoder/{first}"),
            expected=added[first],
            observed=listed[first],
        )
