"""What every renderer derives from a Report: order, counts, words, hints."""

import math
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from auditor.model import (
    AdapterComparison,
    Claim,
    CurveComparison,
    Divergence,
    FileChange,
    Finding,
    Location,
    ModuleUpdate,
    Report,
    Severity,
    Status,
    Suppression,
    name_of,
)
from auditor.report._plain import plain, printable
from auditor.report._text import one_line, value_text

VERDICT_SIGNS: Mapping[str, str] = {
    "pass": "✓",
    "fail": "✗",
    "incomplete": "◐",
    "nothing checked": "○",
}
ANSWER_SIGNS: Mapping[str, str] = {"yes": "✓", "no": "✗", "open": "?"}
ANSWER_WORDS: Mapping[str, str] = {"yes": "yes", "no": "no", "open": "not known"}
SEVERITY_SIGNS: Mapping[Severity, str] = {Severity.ERROR: "✗", Severity.WARNING: "▲", Severity.NOTE: "•"}
STATUS_SIGNS: Mapping[Status, str] = {
    Status.VERIFIED: "✓",
    Status.CONTRADICTED: "✗",
    Status.UNVERIFIABLE: "?",
    Status.STATED: "·",
}
STATUS_ORDER = (Status.CONTRADICTED, Status.VERIFIED, Status.UNVERIFIABLE, Status.STATED)
RERUN_SIGNS: Mapping[str, str] = {
    "identical": "✓",
    "equivalent": "✓",
    "consistent": "✓",
    "diverged": "✗",
    "inconclusive": "?",
}
_MOST_LINES = 8
_CHANGE_ORDER = ("modified", "added", "removed", "unknown", "identical")


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Worst first; within a severity the audit's own order stays (`auditor/engine/_policy.py`)."""
    return sorted(findings, key=lambda f: -f.severity)


def fingerprint(finding: Finding) -> str:
    """The finding's fingerprint over the path and member as a report can hold them (see `_plain.printable`)."""
    member = finding.at.member
    at = Location(printable(finding.at.path), None if member is None else printable(member))
    return replace(finding, at=at).fingerprint


def live(report: Report) -> list[Finding]:
    """What speaks against the head now: neither suppressed nor gone."""
    return by_severity(f for f in report.findings if f.suppressed is None and f.state != "absent")


def resolved(report: Report) -> list[Finding]:
    """Findings that the base had and the head has not."""
    return by_severity(f for f in report.findings if f.state == "absent")


def suppressed(report: Report) -> list[Finding]:
    """Findings that a policy allows; they stay in every report."""
    return by_severity(f for f in report.findings if f.suppressed is not None and f.state != "absent")


def allowance(item: Suppression) -> str:
    """Until when and why a finding is allowed."""
    return f"until {item.until}: {item.reason}" if item.until else item.reason


def all_adapters(report: Report) -> list[tuple[str, AdapterComparison]]:
    """Every adapter comparison with the run it belongs to ("" when none)."""
    owned = [(run.path, run.adapter) for run in report.runs if run.adapter is not None]
    return [*owned, *(("", item) for item in unowned_adapters(report))]


def unowned_adapters(report: Report) -> list[AdapterComparison]:
    """Adapter comparisons that no run shows."""
    owned = [run.adapter for run in report.runs]
    found = [item for item in (report.diff.adapters if report.diff else ()) if item not in owned]
    return sorted(found, key=lambda item: (item.head_path, item.base_path))


def farthest(item: AdapterComparison) -> list[ModuleUpdate]:
    """Modules that moved most first; those without a distance (NaN) before all."""
    return sorted(
        item.modules,
        key=lambda m: (-math.inf if math.isnan(m.relative_distance) else -m.relative_distance, m.module),
    )


def all_curves(report: Report) -> list[tuple[str, CurveComparison]]:
    """Every curve with the run it belongs to ("" when none)."""
    owned = [(run.path, curve) for run in report.runs for curve in run.curves]
    return [*owned, *(("", curve) for curve in unowned_curves(report))]


def unowned_curves(report: Report) -> list[CurveComparison]:
    """Curve comparisons that no run shows."""
    owned = [curve for run in report.runs for curve in run.curves]
    found = [curve for curve in (report.diff.curves if report.diff else ()) if curve not in owned]
    return sorted(found, key=lambda curve: (curve.tag, curve.head_path or "", curve.base_path or ""))


def place(at: Location) -> str:
    """Path and member for people; the repository as a whole has a name too."""
    return str(at) if at.path not in ("", ".") else f"the repository {at.member or ''}".strip()


def spot(finding: Finding) -> str:
    """`place` with the line where it is known: ``config.json:77#/train/seed``, which editors and terminals open."""
    if finding.line is None:
        return place(finding.at)
    member = f"#{finding.at.member}" if finding.at.member else ""
    return f"{finding.at.path}:{finding.line}{member}"


def folder(path: str) -> str:
    """A run's folder for people: the root is called ``.`` or nothing."""
    return "the root" if path in ("", ".") else path


def subject(report: Report) -> str:
    """``base 1a2b3c4 ... head 5d6e7f8``, or the head alone."""
    head = ref_text(report.head.name, report.head.commit)
    return f"{ref_text(report.base.name, report.base.commit)} ... {head}" if report.base else head


def ref_text(name: str, commit: str | None) -> str:
    """A ref with its commit's first ten digits."""
    return f"{name} ({commit[:10]})" if commit and commit != name else name


def histories(report: Report) -> str:
    """What is known of the two histories, "" when only one side was audited."""
    if report.base is None:
        return ""
    words = {True: "related histories", False: "unrelated histories, compared tree to tree"}
    if report.related_histories is None:
        return "a shallow clone: whether the histories are related is not known"
    return words[report.related_histories]


def command(report: Report) -> str:
    """The command that makes this report again; folders of this machine stand as words."""
    words = ["audit", report.kind]
    words += [shlex.quote(ref.name) for ref in (report.base, report.head) if ref is not None]
    if report.rerun is not None:
        words += ["--rerun"] if report.kind != "rerun" else []
        words += ["--base BASE_MODEL_DIR", "--data DATA_PATH"]
    if report.fail_on != "error":
        words += ["--fail-on", report.fail_on]
    return " ".join(words)


def divergence(first: Divergence) -> str:
    """``step 7: what is said of it; farthest away is tensor``, as far as known."""
    step = f"step {first.step}" if first.step is not None else ""
    step = "" if step and re.search(rf"\b{step}\b", first.says or "") else step
    said = ": ".join(part for part in (step, first.says) if part)
    farthest = first.tensor or first.module
    return f"{said}; farthest away is {farthest}" if said and farthest else said or farthest or ""


def status_counts(claims: Sequence[Claim]) -> str:
    """``✗ 2 contradicted, ✓ 4 verified``."""
    counts = [(status, sum(claim.status is status for claim in claims)) for status in STATUS_ORDER]
    return ", ".join(f"{STATUS_SIGNS[status]} {count} {status.value}" for status, count in counts if count)


def change_counts(changes: Sequence[FileChange]) -> str:
    """``3 modified, 12 added, 1 identical``."""
    counts = {kind: sum(change.kind == kind for change in changes) for kind in _CHANGE_ORDER}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)


def change_note(change: FileChange) -> str:
    """A change's own sentence; without one and without facts, what proved the difference."""
    if change.note or change.facts or change.kind != "modified":
        return change.note or ""
    return "the bytes differ" if change.proof in ("bytes", "none") else f"the {change.proof} differs"


def changed(changes: Sequence[FileChange]) -> list[FileChange]:
    """What differs, modified files with facts first."""
    differing = [change for change in changes if change.kind != "identical"]
    return sorted(differing, key=lambda c: (_CHANGE_ORDER.index(c.kind), not c.facts, c.path))


def folded(changes: Sequence[FileChange]) -> tuple[list[FileChange], list[tuple[str, list[FileChange]]]]:
    """What deserves a line of its own, and (kind, changes) where many files only came or went."""
    kinds = [(kind, [change for change in changes if change.kind == kind]) for kind in ("added", "removed")]
    many = [(kind, group) for kind, group in kinds if len(group) > _MOST_LINES]
    hidden = [kind for kind, _ in many]
    return [change for change in changes if change.kind not in hidden], many


def folders(changes: Iterable[FileChange]) -> list[str]:
    """Files at the root by name, the others as ``checkpoint-90/ (12)``."""
    counts: dict[str, int] = {}
    for change in changes:
        top, slash, _ = change.path.partition("/")
        counts[top + slash] = counts.get(top + slash, 0) + 1
    return [f"{name} ({count})" if name.endswith("/") else name for name, count in sorted(counts.items())]


def hints(report: Report) -> list[str]:
    """What a user can give so that more can be looked at, from the reasons why something was not."""
    said = " ".join(
        [*(item.reason for item in report.not_applicable), *(item.reason for item in report.unread)]
    )
    unfetched = sum(item.state == "unfetched" for item in report.unread)
    found: list[str] = []
    if report.verdict == "nothing checked":
        found.append("name the ref or the folder that holds the model; --repo PATH names another repository")
        return found
    if unfetched:
        files = "1 file is" if unfetched == 1 else f"{unfetched} files are"
        found.append(f"{files} not on this machine: git lfs fetch, or --lfs-store DIR, brings the content in")
    if "give --base DIR" in said:
        found.append("--base DIR names the base model's folder: checks that need its configuration then run")
    if report.rerun is None and "--rerun" in said:
        found.append("--rerun --base DIR --data PATH trains the declared recipe again and compares")
    if "only one side" in said:
        found.append("audit compare BASE HEAD judges what a branch changes, not only what it holds")
    return found


def source_name(path: str, role: str) -> str:
    """The short name of a source: ``adapter_config.json`` -> ``adapter``, by role where names are free."""
    if role == "declared":
        return "declared"
    name = name_of(path)
    for start, short in _SHORT_NAMES:
        if name.startswith(start):
            return short
    return name.partition(".")[0] or name


def values_by_source(claim: Claim) -> str:
    """``4 (declared) ≠ 1 (args, evidence)``: one part a value; ``vs`` where nothing is proved."""
    named = [(item.value, source_name(item.path, item.role)) for item in claim.statements]
    if claim.status is Status.CONTRADICTED or not claim.statements:
        named += [(item.value, "evidence") for item in claim.evidence if _is_short(item.value)]
    groups: dict[str, dict[str, None]] = {}
    for value, name in named:
        groups.setdefault(value_text(value, 40), {})[one_line(name)] = None
    between = " ≠ " if claim.status is Status.CONTRADICTED else " vs "
    said = between.join(f"{text} ({', '.join(names)})" for text, names in groups.items())
    return said or one_line(claim.why)


def _is_short(value: object) -> bool:
    """Whether a derived value is one word or number; what has several parts is said by its evidence instead."""
    return value is not None and not isinstance(plain(value), dict | list)


_SHORT_NAMES = (
    ("adapter_config", "adapter"),
    ("adapter_model", "weights"),
    ("training_args", "args"),
    ("trainer_state", "state"),
    ("events.out", "events"),
    ("README", "card"),
    ("optimizer", "optimizer"),
    ("scheduler", "scheduler"),
    ("rng_state", "rng"),
    ("tokenizer_config", "tokenizer"),
)
