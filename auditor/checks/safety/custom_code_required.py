r"""Loading the model or the tokenizer runs Python code that is not part of transformers.

`auto_map` names classes in files of the repository, or of another one before `--`; transformers
downloads and imports them when `trust_remote_code` is set (transformers 4.51.3,
dynamic_module_utils.py).

It is a note where the named file is neither here nor in another repository that is named: the line was copied with
the tokenizer, and nothing of this repository would run. So is a declared `trust_remote_code`: it allows code,
which only models with an `auto_map` have, and the examples of LLaMA-Factory all set it.

Wrong when: the code was read and is trusted; the audit does not run or judge it.

Fix: read the named files at the commit you load, pin it with `code_revision`, or use a model class of
transformers.

Bad:
    tokenizer_config.json: /auto_map = {"AutoTokenizer": ["tokenization_acme.AcmeTokenizer", null]}

Good:
    # a script that nothing loads
    train.py: = "print('train')\n"
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.checks._unread import unread
from auditor.model import Location, Problem, Severity, Skip, folder_of
from auditor.runs import Contents

SEVERITY = Severity.WARNING

_DEPTH = 6
"""Levels of a declared config that are searched."""


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """`auto_map` in model and tokenizer configurations, and `trust_remote_code` in declared ones."""
    yield from unread(contents, "config.json", "tokenizer_config.json")
    for folder in contents.folders.values():
        for model in folder.all(BaseConfig):
            yield from _auto_map(contents, model.at("/auto_map"), model.auto_map)
        for tokenizer in folder.all(TokenizerConfig):
            yield from _auto_map(contents, tokenizer.at("/auto_map"), tokenizer.auto_map)
    for recipe in contents.recipes:
        for pointer in _trusting(recipe.raw, "", _DEPTH):
            yield Problem(
                "the declared config sets `trust_remote_code`, so training ran whatever code came with the model",
                Location(recipe.path, pointer),
                expected="false",
                observed="true",
                severity=Severity.NOTE,
            )


def _auto_map(contents: Contents, place: Location, auto_map: Mapping[str, object]) -> Iterator[Problem]:
    if auto_map:
        named = sorted({name for value in auto_map.values() for name in _names(value)})
        yield Problem(
            f"loading runs Python code that `auto_map` names: {', '.join(named[:3])}",
            place,
            expected="classes of transformers",
            observed=", ".join(named[:10]),
            severity=None if any(_is_here(contents, place, name) for name in named) else Severity.NOTE,
        )


def _is_here(contents: Contents, place: Location, name: str) -> bool:
    """Whether loading finds the code: in another repository (``owner/name--module.Class``) or beside the file."""
    path = folder_of(place.path)
    file = f"{name.partition('.')[0]}.py"
    return "--" in name or (f"{path}/{file}" if path else file) in contents.snapshot.files


def _names(value: object) -> Iterator[str]:
    """A tokenizer's entry is a pair, the slow class and the fast one or null."""
    for item in value if isinstance(value, list) else [value]:
        if item is not None:
            yield str(item)


def _trusting(value: Mapping[str, object], pointer: str, depth: int) -> Iterator[str]:
    for key, item in value.items():
        if key == "trust_remote_code" and item is True:
            yield f"{pointer}/{key}"
        elif isinstance(item, dict) and depth:
            yield from _trusting(item, f"{pointer}/{key}", depth - 1)
