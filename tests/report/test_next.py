"""What a reader is told to do next, from the verdict."""

from dataclasses import replace

import pytest

from auditor.cli._output import renderer
from auditor.model import Finding, Location, Report, Severity, Unread, Verdict
from auditor.report._next import next_step
from tests.builders import reports

AGAIN = "train the recipe again (`--rerun --base DIR --data PATH`) to know whether it made these weights"


def found(*severities: Severity, **changes: object) -> Report:
    findings = tuple(Finding("r", severity, "m", Location("x")) for severity in severities)
    return replace(reports.healthy(), findings=findings, **changes)  # type: ignore[arg-type]


def test_a_pass_without_a_rerun_leaves_the_third_question() -> None:
    assert next_step(found()) == f"Nothing found here speaks against it; {AGAIN}"
    assert next_step(found(Severity.WARNING)).startswith(
        "Read the 1 warning; nothing graver speaks against it; "
    )


def test_a_pass_with_a_rerun_leaves_nothing_but_what_is_inconclusive() -> None:
    rerun = reports.rich().rerun
    assert rerun is not None
    same = found(rerun=replace(rerun, verdict=Verdict.IDENTICAL))
    assert next_step(same) == "Nothing found here speaks against it"
    unclear = found(rerun=replace(rerun, verdict=Verdict.INCONCLUSIVE))
    assert next_step(unclear).endswith("; see below why the rerun settled nothing")


@pytest.mark.parametrize(
    ("severities", "fail_on", "what"),
    [
        ((Severity.ERROR,), "error", "the error"),
        ((Severity.ERROR, Severity.ERROR, Severity.WARNING), "error", "the 2 errors"),
        ((Severity.ERROR, Severity.WARNING, Severity.WARNING), "warning", "the error and 2 warnings"),
        ((), "error", "what the rerun found"),
        ((Severity.ERROR,), "never", "what the rerun found"),
    ],
)
def test_what_fails_is_corrected_or_explained(
    severities: tuple[Severity, ...], fail_on: str, what: str
) -> None:
    report = found(*severities, verdict="fail", fail_on=fail_on)
    assert next_step(report) == f"Have {what} corrected or explained (`--format questions` asks the author)"


def test_files_that_are_not_here_are_brought() -> None:
    bring = "bring 2 files here (`git lfs fetch`, or `--lfs-store DIR`) and audit again"
    gone = tuple(Unread(name, "pointer", "unfetched") for name in "ab")
    assert next_step(found(verdict="incomplete", unread=gone)) == bring.capitalize().replace("dir", "DIR")
    assert next_step(found(Severity.ERROR, verdict="fail", unread=gone)).endswith(f"; then {bring}")
    broken = (*gone, Unread("c", "is cut off", "unreadable"))
    assert next_step(found(verdict="incomplete", unread=broken)) == (
        "See why 3 files could not be read, and audit again"
    )
    assert next_step(found(verdict="incomplete")) == "See below what is missing, and audit again"


@pytest.mark.parametrize("name", ["terminal", "markdown", "html"])
def test_the_reports_that_people_read_say_it_first(name: str) -> None:
    text = " ".join(renderer(name).render(reports.rich()).split())
    assert text.index("What next?") < text.index("lora-rank-mismatch")
