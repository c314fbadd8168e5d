"""What the policy makes of findings: suppressions with reason and date, nothing dropped, nothing silent."""

import fnmatch
from collections.abc import Sequence
from dataclasses import replace

from auditor.claims import Ledger
from auditor.engine import _rules
from auditor.errors import UsageError
from auditor.model import Finding, Location, Snapshot, Suppression
from auditor.policy import Policy, from_snapshot

FAMILIES = (
    *("safety", "declared", "training", "adapter", "weights"),
    *("provenance", "tokenizer", "card", "storage"),
)
"""Families of rules by what a defect costs who merges it: harm on loading, a model that is not the declared one, states
that do not belong together, an adapter that fails or misleads, an origin nobody can check, then texts and storage."""


def suppress(
    findings: Sequence[Finding], policy: Policy, today: str
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Mark the findings that the policy allows; return them with sentences about ignores that expired or match nothing.

    ``today`` is an ISO date; an ignore holds through its ``until`` day.
    """
    used: set[Suppression] = set()
    marked: list[Finding] = []
    for finding in findings:
        ignore = next((item for item in policy.ignores if _matches(item, finding)), None)
        if ignore is not None:
            used.add(ignore)
        live = ignore is not None and today <= ignore.until
        marked.append(replace(finding, suppressed=ignore) if live else finding)
    notes = [
        f"the ignore of {item.rule} ended on {item.until}: its findings count again ({item.reason})"
        for item in policy.ignores
        if item in used and today > item.until
    ]
    notes += [f"the ignore of {item.rule} matches no finding" for item in policy.ignores if item not in used]
    return tuple(marked), tuple(notes)


IN_BASELINE = "known: the baseline holds it"


def known(
    findings: Sequence[Finding], baseline: Sequence[Finding]
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Mark what a baseline holds already; return it with a sentence about entries that nothing matches any more.

    A finding is known when the baseline holds one of the same rule and place that is no milder, saw the same, and
    speaks of every copy this one speaks of: a second unknown name in the same pickle is new.
    """
    old: dict[str, Finding] = {finding.fingerprint: finding for finding in baseline}
    marked: list[Finding] = []
    met: set[str] = set()
    for finding in findings:
        before = old.get(finding.fingerprint)
        same = before is not None and finding.state != "absent" and _says_no_more(finding, before)
        if same:
            met.add(finding.fingerprint)
        held = same and finding.suppressed is None
        allowed = Suppression(finding.rule, finding.at.path, IN_BASELINE, "")
        marked.append(replace(finding, suppressed=allowed) if held else finding)
    gone = len(old.keys() - met)
    words = "1 finding of the baseline is" if gone == 1 else f"{gone} findings of the baseline are"
    notes = (f"{words} gone or changed: write a new baseline with --output json=FILE",) if gone else ()
    return tuple(marked), notes


def changed(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """A sentence when the branch brings another policy than the one it is judged by."""
    try:
        one, two = (replace(from_snapshot(side), sources={}) for side in (before, after))
    except UsageError as error:
        return (
            f"the policy in {after.name} could not be read ({error.message}); that of {before.name} was applied",
        )
    if one == two:
        return ()
    return (
        f"{after.name} changes the policy: it was judged by that of {before.name}, so look at the change itself",
    )


def _says_no_more(finding: Finding, before: Finding) -> bool:
    places = {before.at, *before.also_at}
    return (
        finding.severity <= before.severity
        and (finding.message, finding.expected, finding.observed)
        == (before.message, before.expected, before.observed)
        and set(finding.also_at) <= places
    )


def _matches(ignore: Suppression, finding: Finding) -> bool:
    return ignore.rule == finding.rule and (
        not ignore.path or fnmatch.fnmatchcase(finding.at.path, ignore.path)
    )


def fold(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """One defect seen in several places, said in the same words, is one finding, the others listed under it.

    Worst first; of one severity in the order of FAMILIES, and within a family those that weigh the ledger's
    evidence before those that read one file.
    """
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        key = (finding.rule, finding.severity, finding.message, finding.expected, finding.observed)
        groups.setdefault((*key, finding.at.member), []).append(finding)
    folded = [
        replace(group[0], also_at=_further(group))
        for group in (sorted(group, key=lambda f: (len(f.at.path), f.at.path)) for group in groups.values())
    ]
    return tuple(sorted(folded, key=_rank))


def _further(group: Sequence[Finding]) -> tuple[Location, ...]:
    """Every place of a group's findings but the first."""
    places = (at for item in group for at in (item.at, *item.also_at))
    return tuple(dict.fromkeys(at for at in places if at != group[0].at))


def _rank(finding: Finding) -> tuple[int, int, bool, str, str, str, str]:
    """Where a finding stands in a report; a rule of no known family stands last of its severity."""
    rule = _rules.rules().get(finding.rule)
    family = FAMILIES.index(rule.family) if rule and rule.family in FAMILIES else len(FAMILIES)
    weighs = rule is not None and any(need.kind is Ledger for need in rule.needs)
    at = finding.at
    return (-finding.severity, family, not weighs, finding.rule, at.path, at.member or "", finding.message)


def with_states(head: Sequence[Finding], base: Sequence[Finding]) -> tuple[Finding, ...]:
    """Say of each finding whether the base has it too, in every place; the base's own that are gone are ``absent``."""
    old = {place for finding in base for place in _places(finding)}
    new = {place for finding in head for place in _places(finding)}
    # A copy more of a known defect is new: it stands in another file than those that were accepted.
    stated = [replace(f, state="unchanged" if _places(f) <= old else "new") for f in head]
    gone = [replace(f, state="absent") for f in base if not _places(f) & new]
    return (*stated, *gone)


def _places(finding: Finding) -> set[tuple[str, Location]]:
    return {(finding.rule, at) for at in (finding.at, *finding.also_at)}
