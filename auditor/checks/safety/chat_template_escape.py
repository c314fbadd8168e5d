"""A chat template reaches for Python's internals, as attacks on template engines do.

Chat templates are Jinja programs that run whenever a conversation is formatted. transformers runs them in a
sandbox (5.23.0, utils/chat_template_utils.py, `ImmutableSandboxedEnvironment`); llama-cpp-python
(CVE-2024-34359) and SGLang (CVE-2026-5760) did not, and a template inside a model file could run any
command there. No template for conversations needs `__class__`, `__globals__` or the `attr` filter.

Wrong when: the words stand in a text that the template prints; only code between `{{ }}` and `{% %}` is
looked at.

Fix: do not use the tokenizer; take the chat template from the base model.

Bad:
    tokenizer_config.json: /chat_template = "{{ messages.__class__.__mro__ }}"

Good:
    # the word in a text that is printed
    tokenizer_config.json: /chat_template = "You know Python's __class__. {{ messages }}"
"""

import re
from collections.abc import Iterator

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.checks._unread import unread
from auditor.errors import CannotRead
from auditor.model import Blob, Location, Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.ERROR

SIZE_LIMIT = 4 * 1024 * 1024
"""Largest template file read, in bytes."""
_ESCAPE = re.compile(
    r"__(?:class|mro|bases?|subclasses|globals|builtins|init|import|getattribute|getattr|dict|code|reduce(?:_ex)?|self|"
    r"func|closure)__|\|\s*attr\s*\("
)
_OPENING = re.compile(r"\{[{%]")
_CLOSING = {"{{": "}}", "{%": "%}"}


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """Templates inside tokenizer_config.json and in files that end in .jinja."""
    yield from unread(contents, "tokenizer_config.json")
    for folder in contents.folders.values():
        for config in folder.all(TokenizerConfig):
            texts = [config.chat_template or "", *config.chat_templates.values()]
            yield from _judge("\n".join(texts), config.at("/chat_template"))
    for path, blob in contents.snapshot.files.items():
        if path.endswith(".jinja"):
            yield from _judge_file(blob)


def _judge_file(blob: Blob) -> Iterator[Problem | Skip]:
    try:
        text = blob.read(SIZE_LIMIT).decode("utf-8", "replace")
    except CannotRead as error:
        yield Skip(f"{blob.path} {error.reason}")
    else:
        yield from _judge(text, Location(blob.path))


def _judge(text: str, place: Location) -> Iterator[Problem]:
    found = list(dict.fromkeys(match.group(0) for code in _code(text) for match in _ESCAPE.finditer(code)))
    if found:
        yield Problem(
            f"the chat template uses {', '.join(found[:5])}, which reaches Python's internals",
            place,
            expected="messages, roles and loops only",
            observed=", ".join(found[:10]),
        )


def _code(text: str) -> Iterator[str]:
    """The parts between Jinja's brackets, in one pass; an unclosed bracket reaches to the end."""
    opened = _OPENING.search(text)
    while opened is not None:
        end = text.find(_CLOSING[opened.group(0)], opened.end())
        if end < 0:
            yield text[opened.start() :]
            return
        yield text[opened.start() : end]
        opened = _OPENING.search(text, end + 2)
