"""Runs checks: reads what each asks for from its annotations, supplies it, and keeps why it could not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from auditor.artifacts._base import Artifact
from auditor.artifacts._readers import readers_of
from auditor.artifacts.base_config import BaseConfig
from auditor.claims import Ledger
from auditor.engine._attempt import attempt
from auditor.engine._rules import Need, Rule
from auditor.engine._side import Side
from auditor.model import (
    Diff,
    Finding,
    NotApplicable,
    Problem,
    RerunResult,
    Skip,
    Snapshot,
    Unread,
    folder_of,
)
from auditor.policy import Policy
from auditor.recipes._base import Recipe
from auditor.recipes._platforms import is_recipe
from auditor.runs import BaseFolder, Contents, Folder, Run


@dataclass(slots=True)
class Outcome:
    """What running the checks gave; ``failed`` are rules that crashed, which is a bug of ours."""

    findings: list[Finding] = field(default_factory=list)
    not_applicable: list[NotApplicable] = field(default_factory=list)
    ran: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)


def run_checks(side: Side, rules: Sequence[Rule], policy: Policy) -> Outcome:
    """Run every rule wherever it finds what it asks for."""
    outcome = Outcome(failed=dict(side.crashed))
    for rule in rules:
        calls = list(_calls(side, rule))
        if not calls:
            outcome.not_applicable.append(NotApplicable(rule.id, _why_never(side, rule)))
        for where, arguments in calls:
            _call(rule, where, arguments, outcome, policy)
        outcome.not_applicable.extend(_where_not(side, rule, {where for where, _ in calls}))
    return outcome


def _call(rule: Rule, where: str, arguments: Mapping[str, object], outcome: Outcome, policy: Policy) -> None:
    items, crash = attempt(rule.check, arguments)
    for item in items:
        if isinstance(item, Skip):
            outcome.not_applicable.append(NotApplicable(rule.id, item.reason, where))
        elif isinstance(item, Problem):
            outcome.findings.append(_finding(rule, item, policy))
    if crash is not None:
        outcome.failed[rule.id] = crash
    else:
        outcome.ran.add(rule.id)


_TEXT_LIMIT = 600
"""Characters of any one text of a finding: rules quote files, and files are hostile."""


def _finding(rule: Rule, item: Problem, policy: Policy) -> Finding:
    return Finding(
        rule.id,
        policy.severity.get(rule.id) or item.severity or rule.severity,
        _bounded(item.message) or rule.id,
        item.at,
        _bounded(item.expected),
        _bounded(item.observed),
        tuple(_bounded(text) or "" for text in item.evidence),
        item.fix or rule.documentation.fix or None,
        also_at=item.also_at,
    )


def _bounded(text: str | None) -> str | None:
    return text if text is None or len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"


def _is_folder_need(need: Need) -> bool:
    return issubclass(need.kind, Artifact) and need.kind is not BaseConfig


def _calls(side: Side, rule: Rule) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Every way of supplying what a rule asks for, with the folder or run it speaks of."""
    if any(_is_folder_need(need) for need in rule.needs):
        for run, folder in _places(side):
            yield from _supply(side, rule, run, folder)
    elif any(need.kind in (Run, Ledger, Recipe, BaseConfig) for need in rule.needs):
        for run in side.runs:
            yield from _supply(side, rule, run, run.root)
    else:
        yield from _supply(side, rule, None, None)


def _places(side: Side) -> Iterator[tuple[Run | None, Folder]]:
    owned: set[str] = set()
    for run in side.runs:
        for folder in run.folders:
            owned.add(folder.path)
            yield run, folder
    for path, folder in side.contents.folders.items():
        if path not in owned:
            yield None, folder


def _supply(
    side: Side, rule: Rule, run: Run | None, folder: Folder | None
) -> Iterator[tuple[str, Mapping[str, object]]]:
    choices: list[tuple[object, ...]] = []
    for need in rule.needs:
        found = _available(side, need, run, folder)
        if not found:
            if not need.optional:
                return
            found = (None,)
        choices.append(found)
    where = folder.path if folder else ""
    for values in product(*choices):
        yield where, {need.name: value for need, value in zip(rule.needs, values, strict=True)}


def _available(side: Side, need: Need, run: Run | None, folder: Folder | None) -> tuple[object, ...]:
    kind = need.kind
    if _is_folder_need(need):
        return folder.all(kind) if folder else ()
    single: Mapping[type, object] = {
        Run: run,
        Ledger: side.ledgers.get(run.name) if run else None,
        Recipe: run.recipe if run else None,
        BaseConfig: run.base if run else None,
        Snapshot: side.snapshot,
        Contents: side.contents,
        Diff: side.diff,
        RerunResult: side.rerun,
        BaseFolder: side.base_folder,
    }
    value = single[kind]
    return () if value is None else (value,)


_MISSING = {
    Run: "no adapter, checkpoint or trainer state was found",
    Ledger: "no adapter, checkpoint or trainer state was found",
    Recipe: "no declared training config was found",
    BaseConfig: "the base model's configuration is not known (give --base DIR)",
    BaseFolder: "the base model's folder was not given (--base DIR)",
    Diff: "only one side was audited (audit compare looks at two)",
    RerunResult: "no rerun was made (give --rerun --base DIR --data PATH)",
}


def _why_never(side: Side, rule: Rule) -> str:
    reasons: list[str] = []
    for need in rule.needs:
        if need.optional:
            continue
        if _is_folder_need(need):
            present = any(folder.all(need.kind) for folder in side.contents.folders.values())
            if not present:
                reasons.append(_why_missing(side.contents.unread, need.kind))
        elif need.kind in _MISSING and not _seen(side, need):
            reasons.append(_whose(side) if need.kind is Recipe else _MISSING[need.kind])
    return "; ".join(dict.fromkeys(reasons)) or "no folder holds all the files it compares"


def _whose(side: Side) -> str:
    """Why no run has a declared configuration: there is none, it was not read, or it is not known to be a run's."""
    unread = next((item for item in side.contents.unread if is_recipe(item.path)), None)
    if unread is not None:
        return f"{unread.path} was not read: {unread.state}"
    if side.contents.recipes:
        return f"{side.contents.recipes[0].path} is not known to have made any adapter or checkpoint here"
    return _MISSING[Recipe]


def _seen(side: Side, need: Need) -> bool:
    if any(_available(side, need, run, None) for run in side.runs):
        return True
    return need.kind in (Diff, RerunResult, Snapshot, Contents, BaseFolder) and bool(
        _available(side, need, None, None)
    )


def _why_missing(unread: Sequence[Unread], kind: type[Artifact]) -> str:
    concerned = [item for item in unread if kind in readers_of(item.path)]
    if not concerned:
        return f"no {kind.patterns[0]} is in the repository"
    first = concerned[0]
    more = f" (and {len(concerned) - 1} more)" if len(concerned) > 1 else ""
    return f"{first.path} was not read: {first.state}{more}"


def _where_not(side: Side, rule: Rule, called: set[str]) -> Iterator[NotApplicable]:
    """Folders in which a rule that ran elsewhere could not look because a file there was not read."""
    if not called:
        return
    kinds = tuple(need.kind for need in rule.needs if _is_folder_need(need) and not need.optional)
    for item in side.contents.unread:
        where = folder_of(item.path)
        if where not in called and any(kind in kinds for kind in readers_of(item.path)):
            yield NotApplicable(rule.id, f"{item.path} was not read: {item.state}", where)
