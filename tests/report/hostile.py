"""Strings that a hostile repository could bring, and a report full of them."""

from dataclasses import replace

from auditor.model import (
    Change,
    Claim,
    FileChange,
    Finding,
    Location,
    NotApplicable,
    Ref,
    Report,
    Severity,
    Snapshot,
    Statement,
    Status,
    Unread,
)
from tests.builders import reports

SCRIPT = "<script>alert(1)</script>"
TEXT = (
    f"{SCRIPT} ]]> </style> --> \" onload='x' {{{{ 7*7 }}}} \x1b[31mred\x1b[0m \x07 \x9b \u202eabc \udc80 "
    "| pipe ` tick \\ back\n# line @everyone #12 https://evil.example www.evil.example [a](b) ![i](j) *b* $x$ "
)


def report() -> Report:
    """The rich report with hostile text in every field that a repository fills."""
    rich = reports.rich()
    assert rich.diff is not None
    at = Location(f"dir/{TEXT}.json", f"/{TEXT}")
    finding = Finding("some-rule", Severity.ERROR, TEXT, at, TEXT, TEXT, (TEXT,), TEXT, "new", None, (at,))
    claim = Claim(
        f"key {TEXT}", (Statement(at.path, TEXT, {TEXT: [TEXT]}, "declared", TEXT),), (), Status.STATED, TEXT
    )
    run = replace(
        rich.runs[0], path=TEXT, platform=TEXT, summary=(TEXT,), claims=(claim,), checkpoints=(TEXT,)
    )
    change = FileChange(at.path, "modified", "parsed", (Change(TEXT, "changed", TEXT, TEXT),), TEXT)
    return replace(
        rich,
        repository=TEXT,
        head=Ref(TEXT, None),
        summary=TEXT,
        findings=(finding, replace(finding, severity=Severity.NOTE), replace(finding, state="absent")),
        runs=(run,),
        diff=replace(rich.diff, files=(change,), head=Snapshot(TEXT, {})),
        not_applicable=(NotApplicable("some-rule", TEXT, TEXT),),
        unread=(Unread(at.path, TEXT, "unreadable"),),
        notes=(TEXT,),
    )
