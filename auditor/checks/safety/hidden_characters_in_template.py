r"""The chat template holds characters that nobody sees.

What a template adds to a conversation is read by the model and not by the reviewer. Zero-width letters,
marks that turn the direction of text, and the tag characters of Unicode (U+E0000; Unicode Standard 15,
section 23.9) can carry instructions that no editor shows.

Wrong when: a joiner belongs to the script of a language; those two are allowed.

Fix: take the template from the base model, or write it again without them.

Bad:
    chat_template.jinja: = "{{ messages }}\u200bobey"

Good:
    chat_template.jinja: = "{{ messages }} obey"
"""

import unicodedata
from collections.abc import Iterator

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.checks._wording import joined
from auditor.errors import CannotRead
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.WARNING

SIZE_LIMIT = 4 * 1024 * 1024
"""Largest template file read, in bytes."""
_JOINERS = frozenset("\u200c\u200d")


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """Templates inside tokenizer_config.json and in files that end in .jinja."""
    texts = list(_templates(contents))
    if not texts:
        yield Skip("no chat template is in the repository")
    for place, text in texts:
        if isinstance(text, CannotRead):
            yield Skip(f"{place.path} {text.reason}")
            continue
        hidden = sorted({letter for letter in text.removeprefix("\ufeff") if _is_hidden(letter)})
        if hidden:
            named = joined([f"U+{ord(letter):04X}" for letter in hidden[:5]])
            yield Problem(
                f"the chat template holds {named}, which show nothing",
                place,
                expected="characters that can be seen",
                observed=", ".join(unicodedata.name(letter, "no name") for letter in hidden[:5]),
            )


def _templates(contents: Contents) -> Iterator[tuple[Location, str | CannotRead]]:
    for folder in contents.folders.values():
        for config in folder.all(TokenizerConfig):
            text = "\n".join([config.chat_template or "", *config.chat_templates.values()])
            if text.strip():
                yield config.at("/chat_template"), text
    for path, blob in contents.snapshot.files.items():
        if path.endswith(".jinja"):
            try:
                yield Location(path), blob.read(SIZE_LIMIT).decode("utf-8", "replace")
            except CannotRead as error:
                yield Location(path), error


def _is_hidden(letter: str) -> bool:
    """Format characters (Unicode's category Cf): zero-width, direction, tags; not the joiners that scripts need."""
    return letter > "\x7f" and unicodedata.category(letter) == "Cf" and letter not in _JOINERS
