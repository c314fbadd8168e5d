"""Which rules a command speaks of; a name that does not exist is answered with the nearest that does."""

import difflib
from collections.abc import Sequence

from auditor.engine import _rules
from auditor.engine._rules import Rule
from auditor.errors import UsageError
from auditor.model import Severity

FORMATS = ("terminal", "json", "markdown")
MOST = 3
"""Rules that a hint names."""


def check_format(name: str, command: str) -> None:
    """Raises UsageError for a format that the command does not write."""
    if name not in FORMATS:
        raise UsageError(f"there is no format {name!r} for {command}", f"use {', '.join(FORMATS)}")


def asked(names: Sequence[str], families: Sequence[str], every: bool) -> list[Rule]:
    """The rules of some names, then those of some families, or all of them; each once."""
    found = named(names)
    if families or every:
        more = filtered(() if every else families, ())
        found += [rule for rule in more if rule.id not in {other.id for other in found}]
    return found


def named(names: Sequence[str]) -> list[Rule]:
    """The rules of these names, in their order, each once. Raises UsageError for a name that is none."""
    found: list[Rule] = []
    for name in dict.fromkeys(names):
        rule = _rules.rule_named(name)
        if rule is None:
            raise UsageError(f"there is no rule {name!r}", _near_rule(name))
        found.append(rule)
    return found


def filtered(families: Sequence[str], severities: Sequence[str]) -> list[Rule]:
    """All rules of some families and severities; empty means any. Raises UsageError for an unknown one."""
    every = _rules.rules().values()
    levels = [level.word for level in Severity]
    _known(families, sorted({rule.family for rule in every}), "family")
    _known(severities, levels, "severity")
    return [
        rule
        for rule in every
        if (not families or rule.family in families) and (not severities or rule.severity.word in severities)
    ]


def invitation() -> str:
    """What explain says when nothing was asked: the names to choose from, by family."""
    from auditor.cli._rule_pages import as_names

    by_family: dict[str, list[str]] = {}
    for family, name in _rules.names():
        by_family.setdefault(family, []).append(name)
    parts = [f"{family}\n{as_names(names)}" for family, names in sorted(by_family.items())]
    return "\n".join(["audit explain RULE... explains these rules (--all, --family NAME):\n", *parts])


def _known(words: Sequence[str], known: Sequence[str], what: str) -> None:
    for word in words:
        if word not in known:
            near = difflib.get_close_matches(word, known, 1, 0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise UsageError(f"there is no {what} {word!r}", f"{hint}there are: {', '.join(known)}")


def _near_rule(name: str) -> str:
    """The few rules that contain the word, else the one that is spelled most alike."""
    known = [rule for _, rule in _rules.names()]
    holding = [rule for rule in known if name in rule]
    near = holding if 1 <= len(holding) <= MOST else difflib.get_close_matches(name, known, 1, 0.5)
    meant = " or ".join(repr(rule) for rule in near)
    return f"did you mean {meant}? audit rules lists all" if near else "audit rules lists all"
