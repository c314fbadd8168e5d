"""The use cases: check one snapshot, compare two, with or without a rerun of the head."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from auditor.compare.files import compare_files
from auditor.compare.pairs import compare_adapters, compare_curves
from auditor.engine import _policy, _rules
from auditor.engine._feed import Outcome, run_checks
from auditor.engine._lines import numbered
from auditor.engine._look import Options, look, weighed
from auditor.engine._result import report
from auditor.engine._side import Side
from auditor.errors import UsageError
from auditor.model import Diff, Finding, Ref, Report, RerunResult, Snapshot
from auditor.policy import Policy

__all__ = [
    "Options",
    "Rerunner",
    "check",
    "compare",
    "difference",
    "known_rules",
    "look",
    "nearest",
]

Rerunner = Callable[[Side], RerunResult | None]


def check(snapshot: Snapshot, options: Options, rerunner: Rerunner | None = None) -> Report:
    """Audit one snapshot."""
    side = _reran(look(snapshot, options), rerunner)
    outcome = _judge(side, options.policy)
    findings, notes = _allowed(_policy.fold(outcome.findings), options)
    notes = (*_own_policy(options.policy), *notes)
    return report(
        kind="rerun" if rerunner else "check",
        repository=options.repository,
        side=side,
        base=None,
        findings=numbered(findings, snapshot),
        outcome=outcome,
        policy=options.policy,
        notes=notes,
    )


def compare(
    base: Snapshot, head: Snapshot, related: bool | None, options: Options, rerunner: Rerunner | None = None
) -> Report:
    """Audit ``head`` as a change of ``base``: every check on both, every difference, the rerun of head."""
    before = look(base, options)
    after = look(head, options)
    diff = difference(before, after, related, options.policy.tolerance)
    after = _reran(replace(after, diff=diff), rerunner)
    outcome = _judge(after, options.policy)
    old: tuple[Finding, ...] = ()
    if before.contents.folders:
        old = _policy.fold(_judge(before, options.policy).findings)
    stated = _policy.with_states(_policy.fold(outcome.findings), old)
    findings, notes = _allowed(stated, options)
    notes = (*_same(base, head), *_policy.changed(base, head), *notes)
    return report(
        kind="compare",
        repository=options.repository,
        side=after,
        base=Ref(base.name, base.commit),
        findings=numbered(findings, head),
        outcome=outcome,
        policy=options.policy,
        notes=notes,
    )


def _same(base: Snapshot, head: Snapshot) -> tuple[str, ...]:
    """A sentence when there is nothing to merge: mostly one of the two refs was not the one that was meant."""
    if base.commit is None or base.commit != head.commit:
        return ()
    return (f"{base.name} and {head.name} are the same commit, so nothing is new in it",)


def _own_policy(policy: Policy) -> tuple[str, ...]:
    """A sentence when one side alone was audited by its own policy: nobody else decided it."""
    file = next((source for source in policy.sources.values() if not source.startswith("option ")), None)
    if file is None:
        return ()
    where = re.sub(r":\d+$", "", file)
    return (f"the policy came from what was audited ({where}); audit compare takes it from the base",)


def _allowed(findings: Sequence[Finding], options: Options) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """The findings with what the policy and the baseline allow marked, and what is to be said of both."""
    marked, notes = _policy.suppress(findings, options.policy, options.today)
    if options.baseline is None:
        return marked, notes
    marked, more = _policy.known(marked, options.baseline)
    return marked, (*notes, *more)


def difference(
    before: Side, after: Side, related: bool | None, tolerance: Mapping[str, float] | None = None
) -> Diff:
    """Two sides set side by side: files, adapters by their effective update, curves by step.

    ``tolerance`` gives the relative tolerance of facts and curves by key (``loss``), over the readers' own.
    """
    return Diff(
        before.snapshot,
        after.snapshot,
        related,
        compare_files(before.contents, after.contents, tolerance or {}),
        compare_adapters(before.runs, after.runs),
        compare_curves(before.runs, after.runs, tolerance or {}),
    )


def _reran(side: Side, rerunner: Rerunner | None) -> Side:
    """The side with its rerun, whose verdicts are evidence like any other."""
    result = rerunner(side) if rerunner else None
    return side if result is None else weighed(replace(side, rerun=result))


def _judge(side: Side, policy: Policy) -> Outcome:
    known = known_rules(policy)
    return run_checks(side, [rule for rule in known.values() if policy.wants(rule.id)], policy)


def known_rules(policy: Policy) -> Mapping[str, _rules.Rule]:
    """Every rule by id. Raises UsageError when the policy names one that does not exist."""
    known = _rules.rules()
    for rule in (*policy.only, *policy.skip, *policy.severity, *(item.rule for item in policy.ignores)):
        if rule not in known:
            raise UsageError(f"there is no rule {rule!r}", nearest(rule))
    return known


def nearest(rule: str) -> str:
    """A hint naming the rule that was probably meant."""
    import difflib

    near = difflib.get_close_matches(rule, _rules.rules(), 1, 0.5)
    return f"did you mean {near[0]!r}? audit rules lists all" if near else "audit rules lists all"
