"""What a reader does next: one sentence, in the first screen of every report that people read."""

from collections.abc import Iterator

from auditor.model import Report, Severity, Verdict
from auditor.policy import Policy
from auditor.report._text import plural


def next_step(report: Report) -> str:
    """The next step from the verdict: what is to be corrected, brought here, or asked yet."""
    if report.verdict == "nothing checked":
        return "Name the ref or the folder that holds the model"
    steps = "; then ".join(_steps(report))
    passed = _passed(report) if report.verdict == "pass" else ""
    said = "; ".join(filter(None, (passed, steps)))
    return said[:1].upper() + said[1:]


def _passed(report: Report) -> str:
    warnings = len(report.at(Severity.WARNING))
    if warnings:
        return f"read the {plural(warnings, 'warning')}; nothing graver speaks against it"
    return "nothing found here speaks against it"


def _steps(report: Report) -> Iterator[str]:
    if report.verdict == "fail":
        yield f"have {_what_fails(report)} corrected or explained (`--format questions` asks the author)"
    unread = len(report.unread)
    if unread and all(item.state == "unfetched" for item in report.unread):
        yield f"bring {plural(unread, 'file')} here (`git lfs fetch`, or `--lfs-store DIR`) and audit again"
    elif unread:
        yield f"see why {plural(unread, 'file')} could not be read, and audit again"
    elif report.verdict == "incomplete":
        yield "see below what is missing, and audit again"
    elif report.verdict == "pass" and report.runs and report.rerun is None:
        yield "train the recipe again (`--rerun --base DIR --data PATH`) to know whether it made these weights"
    elif report.rerun is not None and report.rerun.verdict is Verdict.INCONCLUSIVE:
        yield "see below why the rerun settled nothing"


def _what_fails(report: Report) -> str:
    """The findings that decide: those at or above the level that fails."""
    policy = Policy(fail_on=report.fail_on)
    counts = [
        (severity, len(report.at(severity))) for severity in reversed(Severity) if policy.fails(severity)
    ]
    words = [
        severity.word if count == 1 else plural(count, severity.word) for severity, count in counts if count
    ]
    return f"the {' and '.join(words)}" if words else "what the rerun found"
