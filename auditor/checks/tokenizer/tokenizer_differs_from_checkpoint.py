"""Two copies of the tokenizer in one run are not the same.

The Trainer writes the same tokenizer beside every checkpoint and the final model (transformers 4.51.3,
trainer.py, `_save`). Another vocabulary or other special tokens change the ids the adapter was trained on. Of
tokenizer.json neither its layout nor the lengths that the last call cut and filled to count.

Wrong when: tokens or a chat template were added on purpose after training, or between two checkpoints.

Fix: publish the tokenizer of the checkpoint, or say in the card what was changed and why.

Bad:
    tokenizer_config.json: /eos_token = "<bos>"

Good:
    # a path of the machine
    tokenizer_config.json: /name_or_path = "/root/models/tiny-gemma3"
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from auditor.artifacts._base import Artifact
from auditor.artifacts.special_tokens_map import SpecialTokensMap
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.checks._wording import joined, shown
from auditor.checks.tokenizer import _templates, padding_side_differs, tokenizer_differs_from_base
from auditor.checks.tokenizer._contents import differing_parts
from auditor.checks.tokenizer.special_token_not_in_vocabulary import lacking
from auditor.errors import CannotRead
from auditor.model import Facts, Location, Problem, Severity, Skip
from auditor.runs import BaseFolder, Run

SEVERITY = Severity.WARNING

_KINDS: tuple[type[Artifact], ...] = (TokenizerConfig, SpecialTokensMap, TokenizerJson)
_NAMED = 3


def check(run: Run, base: BaseFolder | None) -> Iterator[Problem | Skip]:
    """Compare contents by their facts: paths, forms of spelling and the order of keys do not count.

    One finding a file: the published copy against the last checkpoint's, else the first checkpoint that differs. What
    a rule reports of one copy alone is not repeated.
    """
    compared = False
    for kind in _KINDS:
        own = run.root.one(kind)
        saved = [item for folder in run.checkpoints for item in folder.all(kind)]
        if not saved or (own is None and len(saved) < 2):
            continue
        compared = True
        same = own is None or own.facts() == saved[-1].facts()
        told = own is not None and not same and _has_other_ids(own, run, base)
        others = [*([own] if own is not None and not told else []), *saved[:-1]]
        yield from list(_first(others, saved[-1], run))[:1]
    template = _templates_of(run)
    if template is not None:
        compared = True
        own_path, same = template
        if not same:
            yield Problem(
                f"{own_path} differs from the last checkpoint's chat template",
                Location(own_path),
                expected="the checkpoint's template",
                observed="another text",
            )
    if not compared:
        yield Skip("no tokenizer file is both in the run's folder and in a checkpoint")


def _has_other_ids(own: Artifact, run: Run, base: BaseFolder | None) -> bool:
    """Whether the published vocabulary is reported for other ids than the base's."""
    found = tokenizer_differs_from_base.check(run, base) if base and isinstance(own, TokenizerJson) else ()
    return any(isinstance(item, Problem) for item in found)


def _told(run: Run, path: str) -> frozenset[str]:
    """The keys that a rule reports of one folder's copy: tokens without a piece, and the side of padding."""
    folder = next(folder for folder in run.folders if folder.path == path)
    config, vocabulary = folder.one(TokenizerConfig), folder.one(TokenizerJson)
    if config is None:
        return frozenset()
    sides = padding_side_differs.check(config, run.recipe) if run.recipe else ()
    keys = {"padding_side"} if any(isinstance(item, Problem) for item in sides) else set[str]()
    with suppress(CannotRead):
        tokens = folder.one(SpecialTokensMap)
        keys.update(lacking(config, vocabulary, tokens) if vocabulary is not None else ())
    return frozenset(keys)


def _first(others: Sequence[Artifact], last: Artifact, run: Run) -> Iterator[Problem]:
    for other in others:
        yield from _compare(other, last, run)


def _templates_of(run: Run) -> tuple[str, bool] | None:
    """The run's own chat_template.jinja and whether its last checkpoint's is the same; None unless both are here."""
    own = run.blob(_templates.NAME)
    theirs = next(
        (blob for folder in reversed(run.checkpoints) if (blob := run.blob(_templates.NAME, folder))), None
    )
    if own is None or theirs is None:
        return None
    try:
        one, other = _templates.in_file(own), _templates.in_file(theirs)
    except CannotRead:
        return None
    return own.path, one is None or other is None or _templates.same(one, other)


def _compare(own: Artifact, last: Artifact, run: Run) -> Iterator[Problem]:
    mine, theirs = own.facts(), last.facts()
    if isinstance(own, TokenizerJson) and isinstance(last, TokenizerJson):
        parts = differing_parts(own, last)
        if parts:
            yield _problem(own, last, parts, "sha256")
        if parts is not None:
            return
    keys = [
        key
        for key in sorted(mine.keys() | theirs.keys())
        if not _is_shown_only(key, mine, theirs) and _value(mine, key) != _value(theirs, key)
    ]
    told = _told(run, own.folder) | _told(run, last.folder) if keys else frozenset()
    keys = [key for key in keys if key not in told]
    if not keys:
        return
    yield _problem(own, last, keys, keys[0])


def _problem(own: Artifact, last: Artifact, keys: Sequence[str], first: str) -> Problem:
    mine, theirs = own.facts(), last.facts()
    named = [*keys[:_NAMED], *([f"{len(keys) - _NAMED} more"] if len(keys) > _NAMED else [])]
    return Problem(
        f"{own.path} differs from {last.path} in {joined(named)}",
        own.at(),
        expected=f"{first} {shown(_value(theirs, first))}",
        observed=f"{first} {shown(_value(mine, first))}",
    )


def _value(facts: Facts, key: str) -> object:
    return facts[key].value if key in facts else None


def _is_shown_only(key: str, mine: Facts, theirs: Facts) -> bool:
    return any(facts[key].ignorable for facts in (mine, theirs) if key in facts)
