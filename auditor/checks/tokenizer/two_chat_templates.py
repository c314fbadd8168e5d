"""A folder holds two chat templates that differ.

Transformers reads chat_template.jinja before the text inside tokenizer_config.json (transformers 5.23.0,
tokenization_utils_base.py, `_from_pretrained`); 4.46 and older releases and other programs know only the latter. Two
users of one adapter then format the same conversation differently.

Wrong when: one of the files is kept for old programs on purpose.

Fix: keep the template that was trained with, in chat_template.jinja or in both places.

Bad:
    chat_template.jinja: = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    tokenizer_config.json: /chat_template = "{{ messages }}"

Good:
    chat_template.jinja: = "{{ messages }}"
    tokenizer_config.json: /chat_template = "{{ messages }}"
"""

from collections.abc import Iterator

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.checks.tokenizer import _templates
from auditor.errors import CannotRead
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.WARNING


def check(config: TokenizerConfig, contents: Contents) -> Iterator[Problem | Skip]:
    """Compare the file with the template of the same name inside the configuration."""
    path = f"{config.folder}/{_templates.NAME}" if config.folder else _templates.NAME
    try:
        text = _templates.in_file(contents.snapshot.files.get(path))
    except CannotRead as error:
        yield Skip(f"{path} {error.reason}")
        return
    inside = _templates.in_config(config).get(_templates.DEFAULT)
    if text is not None and inside is not None and not _templates.same(text, inside):
        yield Problem(
            f"{path} and {config.path} hold different chat templates",
            Location(path),
            expected=f"the template of {config.path}",
            observed=f"{len(text):,} and {len(inside):,} characters",
        )
