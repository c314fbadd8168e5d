"""The adapter's chat template is not its base model's.

A chat model was trained on conversations in its own format (transformers 5.23.0, tokenization_utils_base.py,
`apply_chat_template`). An adapter that is served with another template than it
was trained with answers worse, and which of the two templates a server takes, the base's or the adapter's, depends
on the server (vLLM takes the base's unless the adapter's tokenizer is given).

Wrong when: the template was changed on purpose and is served with the adapter.

Fix: say in the card which template to serve with, or keep the base's.

Bad:
    base: tiny, chat_template.jinja = "{{ messages }}"
    chat_template.jinja: = "{% for message in messages %}{{ message['content'] }}{% endfor %}"

Good:
    base: tiny, chat_template.jinja = "{{ messages }}"
    chat_template.jinja: = "{{ messages }}"
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.checks.tokenizer import _templates
from auditor.errors import CannotRead
from auditor.model import Blob, Location, Problem, Severity, Skip
from auditor.runs import BaseFolder, Run

SEVERITY = Severity.NOTE


def check(run: Run, base: BaseFolder) -> Iterator[Problem | Skip]:
    """A template for a base that has none is what training for chats adds, and is left alone."""
    own = run.root.one(TokenizerConfig)
    try:
        mine, path = _template(own, run.blob(_templates.NAME))
        theirs, _ = _template(base.one(TokenizerConfig), base.files.get(_templates.NAME))
    except CannotRead as error:
        yield Skip(f"a chat template {error.reason}")
        return
    if mine is None:
        yield Skip("no chat template is beside the adapter")
    elif theirs is not None and not _templates.same(mine, theirs):
        yield Problem(
            f"{path} differs from the base model's chat template",
            Location(path),
            expected=f"the base's, {len(theirs):,} characters",
            observed=f"{len(mine):,} characters",
        )


def _template(config: TokenizerConfig | None, file: Blob | None) -> tuple[str | None, str]:
    text = _templates.in_file(file)
    if text is not None and file is not None:
        return text, file.path
    inside: Mapping[str, str] = _templates.in_config(config) if config else {}
    return inside.get(_templates.DEFAULT), config.path if config else ""
