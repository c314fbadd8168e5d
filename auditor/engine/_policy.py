"""What the policy makes of findings: suppressions with reason and date, nothing dropped, nothing silent."""

import fnmatch
from collections.abc import Sequence
from dataclasses import replace

from auditor.model import Finding, Suppression
from auditor.policy import Policy


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


def _matches(ignore: Suppression, finding: Finding) -> bool:
    return ignore.rule == finding.rule and (
        not ignore.path or fnmatch.fnmatchcase(finding.at.path, ignore.path)
    )


def fold(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """One defect seen in several copies of a file is one finding, the others listed under it; worst first."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        name = finding.at.path.rpartition("/")[2]
        key = (finding.rule, finding.severity, finding.message, finding.expected, finding.observed, name)
        groups.setdefault((*key, finding.at.member), []).append(finding)
    folded = [
        replace(group[0], also_at=tuple(dict.fromkeys(item.at for item in group[1:])))
        for group in (sorted(group, key=lambda f: (len(f.at.path), f.at.path)) for group in groups.values())
    ]
    return tuple(sorted(folded, key=lambda f: (-f.severity, f.rule, f.at.path, f.at.member or "")))


def with_states(head: Sequence[Finding], base: Sequence[Finding]) -> tuple[Finding, ...]:
    """Say of each finding whether the base has it too; the base's own that are gone follow as ``absent``."""
    old = {finding.fingerprint for finding in base}
    new = {finding.fingerprint for finding in head}
    stated = [replace(f, state="unchanged" if f.fingerprint in old else "new") for f in head]
    gone = [replace(f, state="absent") for f in base if f.fingerprint not in new]
    return (*stated, *gone)
