"""Why checks did not judge and files were not read: by reason, and in the few kinds that a reader can act on."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from auditor.model import NotApplicable, Unread
from auditor.report._text import listing, plural

_CRASHED = "crashed: "
_KINDS = (
    (("was not read", "was not fetched", "is not here", "could not be read"), "files could not be read"),
    (("--rerun",), "no rerun was made (--rerun --base DIR --data PATH)"),
    (("--base DIR",), "the base model's folder was not given (--base DIR)"),
    (("only one side", "give a ref"), "two refs of a repository were not given (audit compare)"),
)
"""Words of the reasons, and the sentence for all that hold one of them; the first that fits counts."""
_NAMED = 3
_SIZE = re.compile(r" ?\([\d,]+ bytes\)")
_NOTHING = "nothing to judge (no such file, setting or second copy)"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for not judging, with the rules it kept from judging."""

    reason: str
    rules: tuple[str, ...]


def reasons(items: Iterable[NotApplicable]) -> list[Reason]:
    """Not-applicable rules grouped by reason, the most frequent first."""
    found: dict[str, set[str]] = {}
    for item in items:
        found.setdefault(item.reason, set()).add(item.rule)
    groups = [Reason(reason, tuple(sorted(rules))) for reason, rules in found.items()]
    return sorted(groups, key=lambda group: (-len(group.rules), group.reason))


def kinds_of_reasons(items: Iterable[NotApplicable]) -> list[str]:
    """``files could not be read: 16 checks (a, b and 14 more)``; each check counts once, a crash has its own line."""
    said: dict[str, list[str]] = {}
    for item in items:
        said.setdefault(item.rule, []).append(item.reason)
    crashes, kinds = [], {text: list[str]() for text in (*(text for _, text in _KINDS), _NOTHING)}
    for rule, reasons in sorted(said.items()):
        crash = next((reason for reason in reasons if reason.startswith(_CRASHED)), None)
        if crash is not None:
            crashes.append(f"{rule} {crash}")
        else:
            kinds[next((text for words, text in _KINDS if _has(words, reasons)), _NOTHING)].append(rule)
    told = [
        f"{text}: {plural(len(rules), 'check')}"
        + (f" ({listing(rules, _NAMED)})" if text != _NOTHING or len(rules) <= _NAMED else "")
        for text, rules in kinds.items()
        if rules
    ]
    return [*crashes, *told]


def _has(words: Iterable[str], reasons: Iterable[str]) -> bool:
    return any(word in reason for reason in reasons for word in words)


def unread_groups(items: Iterable[Unread]) -> list[tuple[str, str, tuple[str, ...]]]:
    """(state, reason, paths) of files that were not read, the largest group first; sizes keep none apart."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in items:
        found.setdefault((item.state, _SIZE.sub("", item.reason)), []).append(item.path)
    groups = [
        (state, _of(reason, len(paths)), tuple(sorted(paths))) for (state, reason), paths in found.items()
    ]
    return sorted(groups, key=lambda group: (-len(group[2]), group))


def _of(reason: str, count: int) -> str:
    return f"their {reason[4:]}" if count > 1 and reason.startswith("its ") else reason
