"""Rules as found on disk: id, severity, what they ask for, and their documentation."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from types import ModuleType

from auditor import __version__, discover
from auditor.model import Severity


@dataclass(frozen=True, slots=True)
class Need:
    """One parameter of a check: its type, and whether the check can do without."""

    name: str
    kind: type
    optional: bool


@dataclass(frozen=True, slots=True)
class Documentation:
    """A rule's docstring by part: what is wrong, why it matters, how it can be wrong, what to do, two examples.

    ``bad`` and ``good`` are lines that edit a repository of the fixtures (tests/builders/examples.py runs them).
    """

    what: str
    why: str
    wrong_when: str
    fix: str
    bad: str = ""
    good: str = ""

    @property
    def text(self) -> str:
        """The whole documentation as plain paragraphs."""
        parts = [self.what, self.why]
        if self.wrong_when:
            parts.append(f"Wrong when: {self.wrong_when}")
        if self.fix:
            parts.append(f"Fix: {self.fix}")
        return "\n\n".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Rule:
    """One check module."""

    id: str
    family: str
    severity: Severity
    needs: tuple[Need, ...]
    check: Callable[..., typing.Any]
    documentation: Documentation


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by id, found by walking ``auditor/checks``."""
    return {rule.id: rule for rule in map(_rule, discover.modules("auditor.checks").values())}


def rule_named(name: str) -> Rule | None:
    """One rule by id, without importing the others; None when there is none of that name."""
    module = discover.module("auditor.checks", name.replace("-", "_")) if "_" not in name else None
    return None if module is None else _rule(module)


def names() -> tuple[tuple[str, str], ...]:
    """Family and id of every rule, sorted, without importing any of them."""
    found = (dotted.split(".")[-2:] for dotted in discover.below("auditor.checks"))
    return tuple(sorted((family, discover.rule_id(name)) for family, name in found))


def digest() -> str:
    """What this version of the rules is called: sha256 over ids, severities and documentation."""
    text = "\n".join(f"{r.id} {r.severity.word} {r.documentation.text}" for r in rules().values())
    return sha256(f"{__version__}\n{text}".encode()).hexdigest()[:16]


def _rule(module: ModuleType) -> Rule:
    check = module.check
    return Rule(
        discover.rule_id(module.__name__),
        module.__name__.split(".")[-2],
        module.SEVERITY,
        needs_of(check),
        check,
        parse_documentation(module.__doc__ or ""),
    )


def needs_of(function: Callable[..., typing.Any]) -> tuple[Need, ...]:
    """What a function's annotations ask for; ``X | None`` is optional."""
    found: list[Need] = []
    for name, parameter in inspect.signature(function).parameters.items():
        kind, optional = parameter.annotation, False
        if isinstance(kind, types.UnionType):
            kinds = [item for item in typing.get_args(kind) if item is not types.NoneType]
            kind, optional = kinds[0], True
        found.append(Need(name, kind, optional))
    return tuple(found)


def parse_documentation(docstring: str) -> Documentation:
    """Split a docstring into its parts.

    ``Wrong when:`` and ``Fix:`` begin a paragraph, ``Bad:`` and ``Good:`` a block whose lines are kept.
    """
    blocks = inspect.cleandoc(docstring).split("\n\n")
    examples = dict.fromkeys(("Bad:", "Good:"), "")
    labelled = {"Wrong when:": "", "Fix:": ""}
    plain: list[str] = []
    for block in blocks:
        heading, _, lines = block.partition("\n")
        paragraph = " ".join(block.split())
        label = next((label for label in labelled if paragraph.startswith(label)), None)
        if heading.strip() in examples:
            examples[heading.strip()] = inspect.cleandoc("\n" + lines)
        elif label is None:
            plain.append(paragraph)
        else:
            labelled[label] = paragraph.removeprefix(label).strip()
    return Documentation(
        plain[0] if plain else "",
        "\n\n".join(plain[1:]),
        labelled["Wrong when:"],
        labelled["Fix:"],
        examples["Bad:"],
        examples["Good:"],
    )
