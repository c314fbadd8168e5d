"""What was seen and judged -> the Report: verdict, exit code, coverage, one sentence."""

from collections.abc import Iterator, Sequence

from auditor import __version__
from auditor.artifacts._readers import readers_of
from auditor.compare.pairs import curves_of, series_of
from auditor.engine import _rules
from auditor.engine._answers import answers
from auditor.engine._feed import Outcome
from auditor.engine._found import nothing
from auditor.engine._policy import IN_BASELINE
from auditor.engine._side import Side
from auditor.model import (
    Coverage,
    FileKind,
    FileRow,
    Finding,
    NotApplicable,
    Ref,
    Report,
    RerunResult,
    RunReport,
    Status,
    Unread,
    Verdict,
    folder_of,
)
from auditor.policy import Policy
from auditor.recipes._platforms import is_recipe
from auditor.rerun.trials import UNFINISHED


def report(
    *,
    kind: str,
    repository: str,
    side: Side,
    base: Ref | None,
    findings: Sequence[Finding],
    outcome: Outcome,
    policy: Policy,
    notes: Sequence[str],
) -> Report:
    """Put everything together. The exit code follows CLI.md: bad is 1, could not look is 3, bad wins."""
    unread = side.contents.unread
    coverage = _coverage(side, outcome)
    live = [f for f in findings if f.suppressed is None and f.state != "absent"]
    bad = [f for f in live if policy.fails(f.severity)]
    diverged = side.rerun is not None and side.rerun.verdict is Verdict.DIVERGED
    lacking = [*_lacking(unread, side.snapshot.notes, outcome, coverage, policy), *_unfinished(side.rerun)]
    unsettled = "incomplete" if lacking else "nothing checked" if nothing(side, live) else "pass"
    verdict = "fail" if bad or diverged else unsettled
    rules = _rules.rules()
    crashed = tuple(NotApplicable(rule, f"crashed: {why}") for rule, why in sorted(outcome.failed.items()))
    return Report(
        kind=kind,
        repository=repository,
        head=Ref(side.snapshot.name, side.snapshot.commit),
        base=base,
        related_histories=side.diff.related_histories if side.diff else None,
        verdict=verdict,
        exit_code={"fail": 1, "incomplete": 3, "nothing checked": 3, "pass": 0}[verdict],
        summary=_sentence(side, findings, bad, lacking, verdict),
        findings=tuple(findings),
        runs=tuple(_run_report(side, index) for index in range(len(side.runs))),
        files=tuple(_rows(side)),
        coverage=coverage,
        not_applicable=(*crashed, *outcome.not_applicable),
        unread=unread,
        diff=side.diff,
        rerun=side.rerun,
        notes=(*side.snapshot.notes, *notes),
        answers=answers(side, live),
        rules_digest=_rules.digest(),
        version=__version__,
        fail_on=policy.fail_on,
        rules={f.rule: rules[f.rule].documentation.text for f in findings if f.rule in rules},
    )


def _unfinished(rerun: RerunResult | None) -> Iterator[str]:
    """Whether a rerun was ended before its question was settled."""
    if rerun is not None and any(note.startswith(UNFINISHED) for note in rerun.repeats):
        yield "the rerun was ended before its question was settled"


def _lacking(
    unread: Sequence[Unread], notes: Sequence[str], outcome: Outcome, coverage: Coverage, policy: Policy
) -> list[str]:
    """Why the audit could not look at everything; empty when it could."""
    reasons: list[str] = []
    for state, words in (
        ("unfetched", "not fetched"),
        ("unreadable", "unreadable"),
        ("mismatch", "not what its pointer promises"),
    ):
        count = sum(item.state == state for item in unread)
        if count:
            reasons.append(f"{count} file{'s' if count > 1 else ''} {words}")
    if notes:
        reasons.append("the list of files is not complete")
    if outcome.failed:
        reasons.append(f"{len(outcome.failed)} checks crashed")
    total = coverage.claims["total"]
    if policy.require_coverage:
        share = coverage.claims["verified"] / total if total else 0.0
        if share < policy.require_coverage:
            reasons.append(
                f"{share:.0%} of the claims verified where {policy.require_coverage:.0%} is required"
            )
    return reasons


def _sentence(
    side: Side, findings: Sequence[Finding], bad: Sequence[Finding], lacking: Sequence[str], verdict: str
) -> str:
    rerun = ""
    if side.rerun is not None:
        rerun = f"; the rerun{side.rerun.plan.of_what} is {side.rerun.verdict.word}"
    counts = _tally(findings)
    missing = f"; could not look at everything: {', '.join(lacking)}" if lacking else ""
    if verdict == "fail":
        lead = f"{counts}" if bad else "the rerun does not reproduce what was committed"
        return f"{lead}{rerun}{missing}."
    if verdict == "incomplete":
        return f"{counts}{rerun}{missing}."
    if verdict == "nothing checked":
        lead = "" if counts == "no findings" else f"{counts}; "
        return f"{lead}no file of a model or of a training was found."
    if not side.runs:
        return f"{counts}; no training run was found, so little was there to check."
    return f"{counts}{rerun}; every recognised file was read."


def _tally(findings: Sequence[Finding]) -> str:
    """What counts, by severity; where nothing does, how much is allowed: silence must not read as a clean sheet."""
    there = [f for f in findings if f.state != "absent"]
    live = [f for f in there if f.suppressed is None]
    words = []
    for name in ("error", "warning", "note"):
        count = sum(f.severity.word == name for f in live)
        if count:
            words.append(f"{count} {name}{'s' if count > 1 else ''}")
    if words or not there:
        return ", ".join(words) or "no findings"
    known = sum(f.suppressed is not None and f.suppressed.reason == IN_BASELINE for f in there)
    held = [f"{known} known"] if known else []
    held += [f"{len(there) - known} allowed by the policy"] if known < len(there) else []
    return f"no {'new ' if known else ''}findings ({', '.join(held)})"


def _coverage(side: Side, outcome: Outcome) -> Coverage:
    claims = {status.value: 0 for status in Status}
    for ledger in side.ledgers.values():
        for claim in ledger.claims.values():
            claims[claim.status.value] += 1
    claims["total"] = sum(claims.values())
    rows = _rows(side)
    files = {"read": 0, "unfetched": 0, "unreadable": 0}
    for row in rows:
        files["unreadable" if row.state == "mismatch" else row.state] += 1
    files["total"] = len(rows)
    never = {item.rule for item in outcome.not_applicable} - outcome.ran - set(outcome.failed)
    checks = {
        "ran": len(outcome.ran - set(outcome.failed)),
        "not_applicable": len(never),
        "failed_to_run": len(outcome.failed),
        "total": len(outcome.ran | never | set(outcome.failed)),
    }
    return Coverage(claims, files, checks)


def _rows(side: Side) -> list[FileRow]:
    found: list[FileRow] = []
    for path, blob in side.snapshot.files.items():
        readers = readers_of(path)
        known = [reader.__name__ for reader in readers] or (["Recipe"] if _is_recipe(side, path) else [])
        unread = side.contents.unread_at(path)
        if not known or (blob.kind is not FileKind.FILE and unread is None):
            continue
        state = unread.state if unread else "read"
        found.append(FileRow(path, known[0], blob.size, str(blob.identity) if blob.identity else None, state))
    return found


def _is_recipe(side: Side, path: str) -> bool:
    """Whether a declared config was read there, or should have been."""
    return is_recipe(path) or any(recipe.path == path for recipe in side.contents.recipes)


def _run_report(side: Side, index: int) -> RunReport:
    run = side.runs[index]
    ledger = side.ledgers[run.name]
    compared = side.diff.adapters if side.diff else ()
    # A second lineage of one folder has no folder of its own, and so no adapter either.
    own = [a for a in compared if run.root.artifacts and folder_of(a.head_path) == run.path]
    adapter = next(iter(own), None)
    paths = {path for path, _ in series_of(run).values()}
    curves = tuple(c for c in side.diff.curves if c.head_path in paths) if side.diff else curves_of(run)
    return RunReport(
        run.name,
        tuple(folder.path for folder in run.checkpoints),
        tuple(ledger.claims.values()),
        run.platform,
        curves=curves,
        adapter=adapter,
    )
