"""What a rule looks at, in words for people, from the annotations of its check and the readers it imports."""

from collections.abc import Iterator, Mapping
from typing import TypeGuard

from auditor.artifacts._base import Artifact
from auditor.engine._rules import Need, Rule

_WORDS: Mapping[str, str] = {
    "Run": "the files of a run",
    "Ledger": "every source of each hyperparameter (the ledger)",
    "Recipe": "the declared training config",
    "BaseConfig": "the base model's config.json (in the repository, by --base DIR, or a known model's)",
    "Snapshot": "the names of all files",
    "Contents": "all files",
    "Diff": "both sides of a comparison",
    "RerunResult": "a rerun (--rerun)",
}
"""By the name of the type that a check asks for."""
_WHOLE = ("Run", "Contents", "Snapshot")
"""Types that give a check everything; what it takes from them shows in what its module imports."""


def looks_at(rule: Rule) -> tuple[str, ...]:
    """What must be there for the rule to run: file names or patterns, and things by name."""
    return tuple(
        dict.fromkeys(word for need in rule.needs if not need.optional for word in _word(rule, need))
    )


def uses(rule: Rule) -> tuple[str, ...]:
    """What the rule also looks at where it is there."""
    return tuple(dict.fromkeys(word for need in rule.needs if need.optional for word in _word(rule, need)))


def _word(rule: Rule, need: Need) -> Iterator[str]:
    name = need.kind.__name__
    if name not in _WORDS:
        yield from need.kind.patterns if issubclass(need.kind, Artifact) else (name,)
        return
    files = list(_imported(rule)) if name in _WHOLE else []
    yield _WORDS[name] + (f" ({', '.join(files)})" if files else "")


def _imported(rule: Rule) -> Iterator[str]:
    """The files whose readers the rule's module imports besides those that it asks for by themselves."""
    asked = {need.kind for need in rule.needs}
    for value in rule.check.__globals__.values():
        if _is_reader(value) and value not in asked:
            yield from value.patterns


def _is_reader(value: object) -> TypeGuard[type[Artifact]]:
    return (
        isinstance(value, type)
        and issubclass(value, Artifact)
        and value is not Artifact
        and value.__name__ not in _WORDS
    )
